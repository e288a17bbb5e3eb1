//! An import as the record keeps it and the API shows it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{CatalogRow, Edge, Question, Source, Table};
use crate::report::Report;

#[derive(Debug, Serialize, JsonSchema)]
pub struct ImportRecord {
    pub id: Uuid,
    /// SHA-256 of what was uploaded.
    pub digest: String,
    pub source: Source,
    pub outcome: Outcome,
    /// The same upload came before: nothing was done, this is what was done then.
    pub replayed: bool,
    pub created_at: Timestamp,
}

/// What was found, what became of it, and what else the bundle says.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    pub report: Report,
    pub agents: Stored,
    /// Members of rooms; each is an agent too.
    pub members: Stored,
    pub workflows: Stored,
    /// Workflows that were published, because nothing in them needs a person's look.
    pub published_workflows: Vec<String>,
    /// Workflows that stay drafts, each with why.
    pub draft_workflows: Vec<Draft>,
    pub rooms: usize,
    /// Rooms that can be held: each is a workflow of one room, `party-…`.
    #[serde(default)]
    pub parties: Stored,
    pub aliases: usize,
    pub attachments: usize,
    pub catalog: Vec<CatalogRow>,
    pub edges: Vec<Edge>,
    /// Workflows in the order in which the catalog suggests them.
    pub plan: Vec<String>,
    pub tables: Vec<Table>,
    pub questions: Vec<Question>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    pub workflow: String,
    pub why: String,
}

/// Which definitions of one kind were new, changed, and so on, by slug.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stored {
    pub created: Vec<String>,
    pub updated: Vec<String>,
    pub unchanged: Vec<String>,
    /// Changed here and there: both changes were kept, or ours where they collide. In the draft
    /// only: what somebody changed here is theirs to publish.
    pub merged: Vec<Merged>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    pub slug: String,
    /// JSON Pointers of the places where both sides changed and ours was kept; the empty one is the
    /// whole, for what was made here and only has the same name.
    pub kept_ours: Vec<String>,
}
