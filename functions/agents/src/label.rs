//! `PUT /v1/agents/{id}/labels/{label}`: point a label at a version. Rolling back is this call.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::Agent;
use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// A published version of this agent.
    version: String,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path((id, label)): Path<(Uuid, String)>,
    Json(target): Json<Target>,
) -> Result<Json<Agent>> {
    check(&label)?;
    let moved = app.db()?.tenant(caller.tenant, async |tx| {
        queries::one_version(tx, id, &target.version).await?;
        queries::move_label(tx, id, &label, &target.version).await?;
        shared::audit::record(tx, &caller, "agent.label-moved", id).await?;
        queries::by_id(tx, id).await
    });
    Ok(Json(moved.await?))
}

pub(crate) fn check(label: &str) -> Result<()> {
    let good = label.starts_with(|c: char| c.is_ascii_lowercase())
        && label.len() <= 30
        && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if good {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "`{label:.40}` is not a label: use lower-case letters, digits and `-`, at most 30"
    )))
}
