//! `POST /v1/workflows`: create a workflow as a draft.

use agents::version::Slug;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Created, Json};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::{Definition, Workflow};
use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkflow {
    /// The name that runs call it by; unique in the organization.
    slug: Slug,
    definition: Definition,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewWorkflow>,
) -> Result<Created<Workflow>> {
    new.definition.check()?;
    let id = Uuid::now_v7();
    let created = app.db()?.tenant(caller.tenant, async |tx| {
        shared::audit::record(tx, &caller, "workflow.created", id).await?;
        queries::KEPT.insert(tx, id, &new.slug, &new.definition).await?;
        queries::by_id(tx, id).await
    });
    Ok(Created(created.await?))
}
