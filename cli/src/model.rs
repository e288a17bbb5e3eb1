//! What this client reads of the API's answers, and what it sends; `agrees.rs` holds each field
//! against openapi.json.

use std::collections::BTreeMap;

use jiff::Timestamp;
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct WhoAmI {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) organization_id: String,
    pub(crate) organization_name: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct ImportRecord {
    pub(crate) id: Uuid,
    pub(crate) replayed: bool,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Outcome {
    pub(crate) agents: Stored,
    pub(crate) members: Stored,
    pub(crate) workflows: Stored,
    pub(crate) published_workflows: Vec<String>,
    pub(crate) draft_workflows: Vec<Draft>,
    pub(crate) rooms: u64,
    pub(crate) aliases: u64,
    pub(crate) attachments: u64,
    pub(crate) report: Report,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Stored {
    pub(crate) created: Vec<String>,
    pub(crate) updated: Vec<String>,
    pub(crate) unchanged: Vec<String>,
    pub(crate) merged: Vec<Merged>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Merged {
    pub(crate) slug: String,
    pub(crate) kept_ours: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Draft {
    pub(crate) workflow: String,
    pub(crate) why: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Report {
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) unresolved: Vec<Unresolved>,
    pub(crate) missing: Vec<Value>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) needs_review: Vec<NeedsReview>,
    pub(crate) warnings: Vec<String>,
    pub(crate) not_listed: u64,
    pub(crate) licence_notice: Option<String>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Unresolved {
    pub(crate) within: String,
    pub(crate) name: String,
    pub(crate) treated_as: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Rejected {
    pub(crate) path: String,
    pub(crate) reason: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct NeedsReview {
    pub(crate) workflow: String,
    pub(crate) step: String,
    pub(crate) why: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Agent {
    pub(crate) slug: String,
    pub(crate) latest: Option<String>,
    pub(crate) updated_at: Timestamp,
    pub(crate) draft: AgentDefinition,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct AgentDefinition {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) identity: String,
    #[serde(default)]
    pub(crate) communication_style: String,
    #[serde(default)]
    pub(crate) principles: Vec<String>,
    pub(crate) source: Option<String>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Workflow {
    pub(crate) slug: String,
    pub(crate) latest: Option<String>,
    pub(crate) updated_at: Timestamp,
    pub(crate) draft: WorkflowDefinition,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct WorkflowDefinition {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) agent: Option<String>,
    pub(crate) room: Option<Room>,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    pub(crate) document: Option<String>,
    #[serde(default)]
    pub(crate) needs_review: bool,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Room {
    pub(crate) members: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct RunRequest<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) brief: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_cap: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) micros_cap: Option<i64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct ForkRequest<'a> {
    pub(crate) step: &'a str,
    pub(crate) turn: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_cap: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) micros_cap: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Difference {
    pub(crate) same_workflow: bool,
    pub(crate) same_brief: bool,
    pub(crate) steps: Vec<StepDifference>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct StepDifference {
    pub(crate) id: String,
    pub(crate) left: Option<StepSide>,
    pub(crate) right: Option<StepSide>,
    pub(crate) same_turns: i32,
    pub(crate) first_difference: Option<TurnDifference>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct StepSide {
    pub(crate) state: String,
    pub(crate) turns: i32,
    pub(crate) cost_micros: i64,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct TurnDifference {
    pub(crate) turn: i32,
    pub(crate) left: Option<Said>,
    pub(crate) right: Option<Said>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Said {
    pub(crate) speaker: String,
    pub(crate) reason: String,
    pub(crate) content: String,
}

/// All that is needed of a run that was asked for: an answer that was too large to be kept for a
/// repeated key has no more.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Started {
    pub(crate) id: Uuid,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) workflow: String,
    pub(crate) workflow_version: String,
    pub(crate) state: String,
    pub(crate) spend: Spend,
    pub(crate) created_at: Timestamp,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct RunDetail {
    #[serde(flatten)]
    pub(crate) run: Run,
    pub(crate) steps: Vec<StepView>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Spend {
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cost_micros: i64,
    pub(crate) reserved_tokens: i64,
    pub(crate) reserved_micros: i64,
    pub(crate) token_cap: i64,
    pub(crate) micros_cap: i64,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Account {
    pub(crate) scope: String,
    pub(crate) id: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) day: Option<String>,
    pub(crate) caps: Caps,
    pub(crate) used: Amount,
    pub(crate) held: Amount,
    pub(crate) stopped: Option<String>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Amount {
    pub(crate) tokens: i64,
    pub(crate) micros: i64,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Caps {
    pub(crate) tokens: Option<i64>,
    pub(crate) micros: Option<i64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Switch<'a> {
    pub(crate) scope: &'static str,
    pub(crate) id: Option<Uuid>,
    pub(crate) off: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct StepView {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) conversation_id: Uuid,
    pub(crate) turns: i32,
    pub(crate) input_tokens: i64,
    pub(crate) output_tokens: i64,
    pub(crate) cost_micros: i64,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Event {
    pub(crate) sequence: i64,
    pub(crate) kind: String,
    pub(crate) step_id: Option<String>,
    pub(crate) at: Timestamp,
    #[serde(default)]
    pub(crate) data: Value,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Message {
    pub(crate) sequence: i32,
    pub(crate) speaker: String,
    pub(crate) agent_version: String,
    pub(crate) reason: String,
    /// The prompt's layers; the API does not say more of their form than its description.
    pub(crate) context: Value,
    pub(crate) usage: Usage,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Usage {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) input_tokens: i32,
    pub(crate) output_tokens: i32,
    pub(crate) estimated: bool,
    pub(crate) cost_micros: Option<i64>,
    pub(crate) calls: i32,
    pub(crate) duration_ms: i32,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Document {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) step_id: String,
    pub(crate) bytes: i32,
    pub(crate) digest: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct DocumentWithContent {
    pub(crate) content: String,
}
