//! `POST /v1/agents`: create an agent as a draft.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Created, Json};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::{Agent, Definition};
use crate::queries;
use crate::version::Slug;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// The name that workflows call it by; unique in the organization.
    slug: Slug,
    definition: Definition,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewAgent>,
) -> Result<Created<Agent>> {
    new.definition.check()?;
    let id = Uuid::now_v7();
    let created = app.db()?.tenant(caller.tenant, async |tx| {
        shared::audit::record(tx, &caller, "agent.created", id).await?;
        queries::KEPT.insert(tx, id, &new.slug, &new.definition).await?;
        queries::by_id(tx, id).await
    });
    Ok(Created(created.await?))
}
