//! `GET /v1/runs/{id}/conversations`: the conversations of a run, one a step.

use axum::extract::State;
use shared::http::{Json, Path, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Conversation;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(run): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Conversation>>> {
    let window = page.by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::of_run(tx, run, window).await);
    Ok(Json(window.page(found.await?, |conversation| conversation.id)))
}
