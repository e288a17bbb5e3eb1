//! `GET /v1/workflows`: the organization's workflows, newest first.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};

use crate::model::Workflow;
use crate::queries;

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Only the workflow of this name.
    slug: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Workflow>>> {
    let window = page.by_id()?;
    let found = app
        .db()?
        .tenant(caller.tenant, async |tx| queries::list(tx, window, filter.slug.as_deref()).await);
    Ok(Json(window.page(found.await?, |workflow| workflow.id)))
}
