//! `GET /v1/workflows/{id}`: one workflow.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Workflow;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Workflow>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::by_id(tx, id).await);
    Ok(Json(found.await?))
}
