//! What an import yields: definitions in Cadre's own words, ready to be stored, and a report of
//! what was lost.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::report::Report;

/// Everything read from one bundle. The same bundle always yields an equal import, in the same
/// order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    pub source: Source,
    pub agents: Vec<AgentDef>,
    pub workflows: Vec<WorkflowDef>,
    pub rooms: Vec<RoomDef>,
    pub members: Vec<MemberDef>,
    pub aliases: Vec<Alias>,
    pub catalog: Vec<CatalogRow>,
    /// What the catalog says comes before what.
    pub edges: Vec<Edge>,
    /// Workflows in the order in which the catalog suggests them: by phase, then by edge, then by
    /// row.
    pub plan: Vec<String>,
    /// What a module asks when it is installed; the defaults fill the placeholders of its texts.
    pub questions: Vec<Question>,
    pub tables: Vec<Table>,
    pub attachments: Vec<Attachment>,
    pub report: Report,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    pub name: String,
    pub version: Option<String>,
    pub licence: Option<String>,
    pub generation: Generation,
}

/// The dialects in which such definitions have been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generation {
    /// Markdown with one fenced YAML block (version 4).
    A,
    /// `*.agent.yaml` (6.0).
    B,
    /// Skills with `bmad-skill-manifest.yaml` (6.2 and 6.3).
    C,
    /// Skills with `customize.toml` (6.4 and later).
    D,
    /// One flat YAML file an agent.
    SeedFlat,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentDef {
    pub slug: String,
    pub name: String,
    pub title: Option<String>,
    pub icon: Option<String>,
    pub team: Option<String>,
    pub description: String,
    pub role: String,
    pub identity: String,
    pub communication_style: String,
    pub principles: Vec<String>,
    /// Literal facts, or references that begin with `file:` or `skill:`.
    pub facts: Vec<String>,
    /// The prose that is left once activation is taken out.
    pub instructions: String,
    pub capabilities: Vec<Capability>,
    pub language: Option<String>,
    /// The file it was read from.
    pub source: String,
    /// Attachments this agent may use.
    pub files: Vec<String>,
    /// Keys that have no place of their own, kept as they were.
    pub extensions: Map<String, Value>,
}

/// Something an agent offers: either a workflow or a canned task, never both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capability {
    pub code: String,
    pub description: String,
    /// The slug of a workflow.
    pub skill: Option<String>,
    pub prompt: Option<String>,
    pub args: Vec<String>,
    /// Attachments that its text names.
    pub files: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowDef {
    pub slug: String,
    pub name: String,
    pub title: String,
    pub description: String,
    pub steps: Vec<StepDef>,
    /// What the definition can be configured with.
    pub settings: Map<String, Value>,
    pub facts: Vec<String>,
    pub lenses: Vec<Reviewer>,
    pub review_layers: Vec<Reviewer>,
    pub on_complete: Vec<String>,
    pub body: String,
    pub source: String,
    pub files: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepDef {
    pub id: String,
    pub title: String,
    pub kind: StepKind,
    /// The slug of the agent; null where the definition names none, or none that is known.
    pub agent: Option<String>,
    /// The agents among whom a room or a choice decides.
    pub candidates: Vec<String>,
    pub skill: Option<String>,
    pub instruction: String,
    /// Steps that come before.
    pub needs: Vec<String>,
    /// The document this step writes.
    pub document: Option<String>,
    /// A person has to look at this step: something in the definition could only be guessed.
    pub needs_review: bool,
    pub optional: bool,
    pub condition: Option<String>,
    pub files: Vec<String>,
    pub extensions: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// One agent works.
    Agent,
    /// Several agents talk; who speaks is decided as it goes.
    Room,
    /// A person says yes, or chooses.
    Approval,
    /// One of several ways or agents is chosen.
    Choice,
}

/// One voice of a parallel review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reviewer {
    pub code: String,
    pub name: String,
    pub instruction: String,
    /// The list it stood in: one definition may have several.
    pub list: String,
    pub extensions: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoomDef {
    pub slug: String,
    pub name: String,
    pub icon: Option<String>,
    pub scene: String,
    /// Codes of members or slugs of agents.
    pub members: Vec<String>,
    /// Nobody is named: the scene decides who comes.
    pub open_cast: bool,
    pub memory: bool,
    /// Workflows that this cast is meant for.
    pub workflows: Vec<String>,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberDef {
    pub code: String,
    pub name: String,
    pub icon: Option<String>,
    pub title: String,
    pub persona: String,
    pub capabilities: Option<String>,
    pub model: Option<String>,
    /// The agent this member stands in for, when their names are the same.
    pub overrides: Option<String>,
    pub source: String,
    pub extensions: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alias {
    pub from: String,
    pub to: String,
    /// The one of several jobs of `to` that the old name meant.
    pub intent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogRow {
    pub module: String,
    pub skill: String,
    pub name: String,
    pub code: String,
    pub description: String,
    pub action: String,
    pub args: String,
    pub phase: String,
    pub preceded_by: Vec<String>,
    pub followed_by: Vec<String>,
    pub required: bool,
    pub output_location: String,
    pub outputs: String,
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    pub module: String,
    pub key: String,
    pub prompt: String,
    pub default: Option<Value>,
    pub result: Option<String>,
    /// The answer belongs to one person and not to the project.
    pub personal: bool,
    pub choices: Vec<String>,
}

/// A data table that definitions draw from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    pub name: String,
    pub path: String,
    pub columns: Vec<String>,
    pub rows: usize,
}

/// A file that comes along. It is stored and shown, never run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    pub inert: bool,
    pub kind: AttachmentKind,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum AttachmentKind {
    Script,
    Data,
    Template,
    Task,
    Checklist,
    Reference,
    Licence,
    Other,
}

/// Named numbers, in order of their names.
pub type Counts = BTreeMap<String, u64>;
