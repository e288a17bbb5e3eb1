//! `PATCH /scim/v2/Groups/{id}`: parts of a group.

use axum::extract::State;
use serde_json::Value;
use shared::http::{Match, Path, Scim, ScimBody};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::crud::{self, Change};
use crate::patch::Patch;
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    wanted: Match,
    ScimBody(patch): ScimBody<Patch>,
) -> Result<Scim<Value>> {
    crud::change(app, caller, (Kind::Group, id), Change::Parts(patch), &wanted).await
}
