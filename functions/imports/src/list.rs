//! `GET /v1/imports`: what was imported, newest first.

use axum::extract::State;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::queries;
use crate::record::ImportRecord;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ImportRecord>>> {
    let window = page.by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::list(tx, window).await);
    Ok(Json(window.page(found.await?, |import| import.id)))
}
