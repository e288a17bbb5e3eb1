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
        let mut explained = queries::explained(tx, id, &step, turn).await?;
        let ids = explained.segments.iter().filter_map(|s| s.entry.map(|entry| entry.id));
        let own = context::queries::own_names(tx, &caller, ids.collect()).await?;
        for segment in &mut explained.segments {
            if let Some(name) = segment.entry.and_then(|entry| own.get(&entry.id)) {
                segment.source.clone_from(name);
            }
        }
        Ok(explained)
    });
    Ok(Json(found.await?))
}
