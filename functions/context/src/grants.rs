//! `GET /v1/context/grants`: who else may see what, newest first.

use axum::extract::State;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::queries;
use crate::share::Grant;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Grant>>> {
    let window = page.by_id()?;
    let found =
        app.db()?.tenant(caller.tenant, async |tx| queries::grants(tx, &caller, window).await);
    Ok(Json(window.page(found.await?, |grant| grant.id)))
}
