//! `GET /v1/conversations/{id}/analytics`: who spoke how much and at what price, whether it went in
//! circles, and whether an agreement is one.

use axum::extract::State;
use rooms::analysis::{Analysis, analyse};
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Analysis>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::whole(tx, id).await);
    let (said, first_takes) = found.await?;
    Ok(Json(analyse(&said, first_takes)))
}
