//! What is on record of a room: its turns, each with all that decided who took it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;

/// What is kept of an answer: a name or a ledger is short, and the rest is talk.
const LONGEST_ANSWER: usize = 4_000;

/// One turn on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub member: String,
    pub text: String,
    /// Names of the tools that were called in it.
    pub tools: Vec<String>,
    pub tokens: u64,
    pub micros: i64,
    pub at: Timestamp,
    pub mark: Mark,
}

/// What a turn carries so that the next can be decided, and this one again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// The room within in which it was taken; itself when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// It closed that room.
    #[serde(default)]
    pub closing: bool,
    /// What was answered when it was asked who speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answered>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// Of a choice on record, what the next one needs, and the analytics.
#[derive(Clone, Debug, Deserialize)]
pub struct Chosen {
    pub member: String,
    #[serde(flatten)]
    pub mark: Mark,
}

/// An answer, and the room within that asked; each asks once a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    #[serde(flatten)]
    pub answer: Answer,
}

/// What came back when somebody was asked who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A model's; null when it gave none.
    Model(Option<String>),
    /// A person's.
    Person { member: String, by: String },
}

impl Answer {
    pub fn model(text: Option<&str>) -> Self {
        Self::Model(text.map(|text| text[..text.floor_char_boundary(LONGEST_ANSWER)].to_owned()))
    }
}

/// Who speaks, and why: kept with the turn.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Choice {
    pub member: String,
    pub reason: String,
    /// Members who might have been chosen.
    pub candidates: Vec<String>,
    /// Why it went another way than the room's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// Of what was said they are not shown all, but this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sees: Option<String>,
    /// Rooms that were opened for this turn, from the outside in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<Opened>,
    /// The supervisor's, after it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    #[serde(flatten)]
    pub mark: Mark,
    #[serde(skip)]
    pub task: Task,
    /// What they are shown of what was said.
    #[serde(skip)]
    pub shown: Vec<Line>,
}

impl Choice {
    /// After this turn the whole room is done.
    pub fn last(&self) -> bool {
        self.mark.closing && self.mark.path.is_empty()
    }
}

/// A room that answers for a member, or the next of a sequence: as a choice.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Opened {
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    pub reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// What the speaker is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Speak; with what the supervisor asks for.
    Speak(Option<String>),
    /// Sum up. `fields`: as a JSON object of these. `dissent`: report what these held.
    Close { fields: Vec<String>, dissent: Vec<String> },
}

/// Something a speaker is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub from: String,
    pub text: String,
    /// Carried in from another room.
    pub carried: bool,
    /// The turn on record that it comes from, counted from 1.
    pub turn: usize,
}
