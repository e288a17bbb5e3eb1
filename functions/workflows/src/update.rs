//! `PUT /v1/workflows/{id}`: change a workflow's draft.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::{Definition, Workflow};
use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewWorkflowDraft")]
pub struct NewDraft {
    definition: Definition,
    /// The revision this change is based on.
    revision: i32,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(new): Json<NewDraft>,
) -> Result<Json<Workflow>> {
    new.definition.check()?;
    let changed = app.db()?.tenant(caller.tenant, async |tx| {
        let now = queries::by_id(tx, id).await?.revision;
        queries::KEPT.update(tx, id, &new.definition, (new.revision, now)).await?;
        shared::audit::record(tx, &caller, "workflow.updated", id).await?;
        queries::by_id(tx, id).await
    });
    Ok(Json(changed.await?))
}
