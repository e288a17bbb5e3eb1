//! `GET /v1/imports/{id}`: one import, with its report.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::queries;
use crate::record::ImportRecord;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ImportRecord>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::by_id(tx, id).await);
    Ok(Json(found.await?))
}
