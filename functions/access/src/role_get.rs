//! `GET /v1/roles/{id}`: one of the organization's own roles.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Role;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Role>> {
    let role = app.db()?.tenant(caller.tenant, async |tx| queries::role(tx, id).await);
    Ok(Json(role.await?))
}
