//! What a conversation and its messages are.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Conversation {
    pub id: Uuid,
    pub run_id: Uuid,
    pub step_id: String,
    /// `agent` for one agent's turn, `room` for several agents.
    pub kind: String,
    pub title: String,
    pub created_at: Timestamp,
}

/// One turn: what was said, why this agent spoke, what it knew, and what it cost.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Message {
    /// 1, 2, 3 … without gaps.
    pub sequence: i32,
    pub agent_id: Uuid,
    /// The version the run was pinned to.
    pub agent_version: String,
    pub speaker: String,
    /// Why this agent spoke now.
    pub reason: String,
    pub content: String,
    /// The prompt's layers, by reference: `layer`, `source`, `tokens`, `included_tokens`,
    /// `why`, `because`, `tainted`, `digest`; `GET /v1/runs/{id}/context/explain` has them described.
    pub context: Value,
    pub usage: Usage,
    /// Of a room's turn, how its speaker was chosen: `member`, `reason`, `candidates`, `fallback`,
    /// and what was answered when it was asked. Null where nobody was chosen.
    pub selection: Option<Value>,
    pub created_at: Timestamp,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Usage {
    pub provider: String,
    pub model: String,
    pub input_tokens: i32,
    pub output_tokens: i32,
    /// The provider gave no count, so it was made here.
    pub estimated: bool,
    /// Millionths of a US dollar; null when no price is known, which is not the same as free.
    pub cost_micros: Option<i64>,
    /// Attempts, the one that succeeded included.
    pub calls: i32,
    pub duration_ms: i32,
}
