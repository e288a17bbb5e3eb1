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
#[serde(deny_unknown_fields)]
pub struct Since {
    /// How many items, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Only events after this sequence number: for following a run. `cursor` wins over it.
    after: Option<i64>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(since): Query<Since>,
) -> Result<Json<Page<Event>>> {
    let Since { limit, cursor, after } = since;
    let mut window = PageQuery::new(limit, cursor).by_sequence()?;
    window.after = window.after.or(after);
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        queries::exists(tx, id).await?;
        queries::events(tx, id, window).await
    });
    Ok(Json(window.page(found.await?, |event| event.sequence)))
}
