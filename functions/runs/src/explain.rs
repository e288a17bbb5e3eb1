//! `GET /v1/runs/{id}/context/explain`: what a turn's prompt was made of, part by part, and what was left out.

use axum::extract::State;
use context::explain::Segment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::http::{Json, Path, Query};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// The step.
    step: String,
    /// The turn, from 1; the last one when absent.
    turn: Option<i32>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Explained {
    pub run_id: Uuid,
    pub step_id: String,
    pub turn: i32,
    pub speaker: String,
    /// Why this agent spoke.
    pub reason: String,
    /// How `tokens` are counted: never lower than the model's own count of what is written here.
    pub tokenizer: String,
    /// Of the segments that went in; titles between them come on top.
    pub tokens: u32,
    /// What the model's provider counted.
    pub input_tokens: Option<i32>,
    pub segments: Vec<Segment>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(which): Query<Which>,
) -> Result<Json<Explained>> {
    let Which { step, turn } = which;
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        queries::explained(tx, id, &step, turn).await
    });
    let (mut explained, started_by) = found.await?;
    if started_by != caller.user {
        // Of somebody else's own layer, only that it is there.
        for segment in explained.segments.iter_mut().filter(|segment| segment.layer == "user") {
            segment.source = "an entry of whoever started the run".into();
        }
    }
    Ok(Json(explained))
}
