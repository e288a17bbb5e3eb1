//! `DELETE /scim/v2/Users/{id}`: a person leaves the directory, and is shut out.

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
    crud::delete(app, caller, (Kind::User, id), &wanted).await?;
    Ok(Nothing)
}
