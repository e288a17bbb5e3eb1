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
pub struct Filter {
    /// Only runs in this state.
    state: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Run>>> {
    let window = page.by_id()?;
    let found = app
        .db()?
        .tenant(caller.tenant, async |tx| queries::list(tx, window, filter.state.as_deref()).await);
    Ok(Json(window.page(found.await?, |run| run.id)))
}
