//! `DELETE /scim/v2/Groups/{id}`: a group leaves the directory.

use axum::extract::State;
use shared::http::{Match, Nothing, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::crud;
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    wanted: Match,
) -> Result<Nothing> {
    crud::delete(app, caller, (Kind::Group, id), &wanted).await?;
    Ok(Nothing)
}
