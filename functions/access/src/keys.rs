//! `GET /v1/keys`: the organization's API keys, newest first; never a secret.

use axum::extract::State;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::ApiKey;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ApiKey>>> {
    let window = query.by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::keys(tx, window).await);
    Ok(Json(window.page(found.await?, |key| key.id)))
}
