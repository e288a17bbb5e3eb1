//! `PUT /scim/v2/Groups/{id}`: all of a group, anew.

use axum::extract::State;
use serde_json::{Map, Value};
use shared::http::{Match, Path, Scim, ScimBody};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::crud::{self, Change};
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    wanted: Match,
    ScimBody(given): ScimBody<Map<String, Value>>,
) -> Result<Scim<Value>> {
    crud::change(app, caller, (Kind::Group, id), Change::Whole(given), &wanted).await
}
