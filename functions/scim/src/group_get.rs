//! `GET /scim/v2/Groups/{id}`: one group of the directory.

use axum::extract::State;
use serde_json::Value;
use shared::http::{Match, Path, Query, Scim};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::crud;
use crate::model::Shown;
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(shown): Query<Shown>,
    wanted: Match,
) -> Result<Scim<Value>> {
    crud::get(app, caller, (Kind::Group, id), &shown, &wanted).await
}
