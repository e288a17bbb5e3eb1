//! What a workflow is, and the rules its draft keeps. The rules of a runnable one: [`crate::graph`].

use jiff::Timestamp;
use rooms::Room;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::{Error, Result};
use uuid::Uuid;

/// A step of a run keeps its whole prompt's material in one row, and a state machine walks over
/// the steps: both bounds are far above what people draw by hand.
const MOST_STEPS: usize = 200;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WorkflowDefinition")]
pub struct Definition {
    pub name: String,
    /// When to use it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Instructions for the workflow as a whole; every step that names it as its `skill` reads them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Where the definition came from, for example a path in a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What an import kept that has no field of its own.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extensions: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One agent, one turn, usually one document.
    #[default]
    Agent,
    /// Several agents, turn by turn.
    Room,
    /// A person decides. Kept by imports; cannot run yet.
    Approval,
    /// A branch. Kept by imports; cannot run yet.
    Choice,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name within the workflow.
    pub id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(default)]
    pub kind: Kind,
    /// Who does it: `slug`, `slug@1.2.0` or `slug@label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Who talks, when it is a room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// Agents among whom an imported room or choice decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// A workflow whose instructions the agent follows here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instruction: String,
    /// Steps that must have succeeded first. Steps that do not need each other run in parallel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The document it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Longest answer of one turn, in tokens; 1 to 8192.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// A condition in prose, as imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// An import could not be sure: look before publishing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_review: bool,
}

impl Definition {
    /// What every draft keeps, runnable or not.
    pub fn check(&self) -> Result<()> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(Error::Invalid("name must be 1 to 200 characters".into()));
        }
        if self.steps.len() > MOST_STEPS {
            return Err(Error::Invalid(format!("a workflow has at most {MOST_STEPS} steps")));
        }
        agents::model::not_too_deep(&self.extensions)
    }

    /// Every agent it calls on, once each.
    pub fn references(&self) -> Vec<String> {
        let all = self.steps.iter().flat_map(Step::references).map(str::to_owned);
        all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// Every workflow whose instructions it uses, once each.
    pub fn skills(&self) -> Vec<String> {
        let all = self.steps.iter().filter_map(|step| step.skill.clone());
        all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

impl Step {
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let members = self.room.iter().flat_map(Room::cast);
        self.agent.iter().map(String::as_str).chain(members)
    }
}

/// A workflow: its draft, and what is published of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Workflow {
    pub id: Uuid,
    pub slug: String,
    pub draft: Definition,
    /// Give this back when changing the draft: it guards against lost updates.
    pub revision: i32,
    /// The newest published version; null before the first.
    pub latest: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
