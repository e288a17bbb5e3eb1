//! Grants: an agent, a workflow, a person or a room sees what is another's. What is seen by a grant
//! adds to a prompt as material; it never overrides and never instructs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::Layer;

/// Who is to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ContextReader")]
pub enum Reader {
    Agent,
    Workflow,
    User,
    /// A run, or one conversation of it.
    Session,
}

impl Reader {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::User => "user",
            Self::Session => "session",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Agent, Self::Workflow, Self::User, Self::Session];
        all.into_iter().find(|reader| reader.as_str() == name)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewContextGrant")]
pub struct NewGrant {
    /// Whose context is shared: `workflow`, `user` or `session`. The tenant's is everybody's anyway.
    pub layer: Layer,
    /// The workflow, the run or the conversation; none for your own.
    pub owner: Option<Uuid>,
    /// Only the entry of this name; all of them when absent, those to come too.
    pub name: Option<String>,
    pub reader: Reader,
    pub reader_id: Uuid,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ContextGrant")]
pub struct Grant {
    pub id: Uuid,
    pub layer: Layer,
    pub owner: Uuid,
    pub name: Option<String>,
    pub reader: Reader,
    pub reader_id: Uuid,
    pub granted_by: Uuid,
    pub created_at: Timestamp,
}
