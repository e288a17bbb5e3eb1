//! `GET /v1/runs/{id}/events`: what happened in a run, oldest first; ask again for what is new.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Path, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Event;
use crate::queries;

#[derive(Deserialize, JsonSchema)]
pub struct Since {
    /// Only events after this sequence number: for following a run. `cursor` wins over it.
    after: Option<i64>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
    Query(since): Query<Since>,
) -> Result<Json<Page<Event>>> {
    let mut window = page.by_sequence()?;
    window.after = window.after.or(since.after);
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        queries::exists(tx, id).await?;
        queries::events(tx, id, window).await
    });
    Ok(Json(window.page(found.await?, |event| event.sequence)))
}
