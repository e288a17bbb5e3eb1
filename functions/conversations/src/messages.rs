//! `GET /v1/conversations/{id}/messages`: what was said, oldest first.

use axum::extract::State;
use shared::http::{Json, Path, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Message;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Message>>> {
    let window = page.by_sequence()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| queries::messages(tx, id, window).await);
    Ok(Json(window.page(found.await?, |message| i64::from(message.sequence))))
}
