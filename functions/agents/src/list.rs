//! `GET /v1/agents`: the organization's agents, newest first.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::Agent;
use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// How many items, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// Only the agent of this name.
    slug: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Agent>>> {
    let Filter { limit, cursor, slug } = filter;
    let window = PageQuery::new(limit, cursor).by_id()?;
    let found = app
        .db()?
        .tenant(caller.tenant, async |tx| queries::list(tx, window, slug.as_deref()).await);
    Ok(Json(window.page(found.await?, |agent| agent.id)))
}
