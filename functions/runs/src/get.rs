//! `GET /v1/runs/{id}`: one run, with its steps and what it has spent.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::RunDetail;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<RunDetail>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::by_id(tx, id).await);
    Ok(Json(found.await?))
}
