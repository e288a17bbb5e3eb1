//! `GET /v1/members`: everybody who used Cadre or was given roles in it, ordered by id.

use axum::extract::State;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::Member;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>> {
    let window = query.by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::members(tx, window).await);
    Ok(Json(window.page(found.await?, |member| member.id)))
}
