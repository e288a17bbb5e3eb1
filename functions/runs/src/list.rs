//! `GET /v1/runs`: the organization's runs, newest first.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::Run;
use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// How many items, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Only runs in this state.
    state: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Run>>> {
    let Filter { limit, cursor, state } = filter;
    let window = PageQuery::new(limit, cursor).by_id()?;
    let found = app
        .db()?
        .tenant(caller.tenant, async |tx| queries::list(tx, window, state.as_deref()).await);
    Ok(Json(window.page(found.await?, |run| run.id)))
}
