//! `GET /v1/directory/drift`: where the issuer's directory and ours differ, newest report first.

use axum::extract::State;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::Report;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Report>>> {
    let window = query.by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::reports(tx, window).await);
    Ok(Json(window.page(found.await?, |report| report.id)))
}
