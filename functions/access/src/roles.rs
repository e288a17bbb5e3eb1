//! `GET /v1/roles`: the organization's own roles, newest first.

use axum::extract::State;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::Role;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Role>>> {
    let window = query.by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::roles(tx, window).await);
    Ok(Json(window.page(found.await?, |role| role.id)))
}
