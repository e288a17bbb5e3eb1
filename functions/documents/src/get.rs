//! `GET /v1/documents/{id}`: one document, with its content.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::DocumentWithContent;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DocumentWithContent>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::by_id(tx, id).await);
    Ok(Json(found.await?))
}
