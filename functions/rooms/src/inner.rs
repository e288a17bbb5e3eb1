//! Rooms within rooms, what is carried from one to the next, and handing over, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Room;

/// A room that answers for a member: what comes of it is that member's turn. It sees nothing of the
/// room outside but what was said last; what it costs, the room outside has spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    /// Its name among the rooms of this one.
    pub name: String,
    /// For whom it answers.
    pub member: String,
    /// An expression as in a rule; the room opens when it holds. Whenever the member is to speak,
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How often it may open; again and again when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What becomes the member's turn.
    #[serde(default)]
    pub carry: Carry,
    pub room: Room,
}

/// One talk of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    pub name: String,
    /// Talks that must be over before; of those that may begin, the first listed does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Talks of which this one is told nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// What later talks are told of this one.
    #[serde(default)]
    pub carry: Carry,
    pub room: Room,
}

/// What is carried out of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
pub enum Carry {
    /// What was said last.
    #[default]
    Last,
    /// A closing turn, in which its first member sums up.
    Summary,
    /// The newest turns that fit.
    Selected {
        /// Only of this member.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Only those in which this stands, in any case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
        /// At most so many; 1 to 20.
        most: u32,
    },
    /// A closing turn that gives these fields as a JSON object; nothing else of it is carried.
    Structured { fields: Vec<String> },
}

impl Carry {
    /// Whether the room needs a closing turn for it.
    pub(crate) fn closes(&self) -> bool {
        matches!(self, Self::Summary | Self::Structured { .. })
    }

    pub(crate) fn fields(&self) -> &[String] {
        match self {
            Self::Structured { fields } => fields,
            _ => &[],
        }
    }
}

/// Leave to hand over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handoff {
    pub from: String,
    pub to: Vec<String>,
    /// What whoever takes over is shown of the room.
    #[serde(default, skip_serializing_if = "is_all")]
    pub context: Sight,
    /// After one turn the word goes back to whoever handed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    #[default]
    All,
    /// The newest so many turns.
    Last(u32),
    /// The turn that hands over, and nothing else.
    Request,
    /// Their own turns, and the one that hands over.
    Own,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_all(sight: &Sight) -> bool {
    *sight == Sight::All
}
