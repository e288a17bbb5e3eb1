//! What a room is, as data within a definition.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// Agents, in speaking order: `slug`, `slug@1.2.0` or `slug@label`. Everywhere else in the room
    /// a member is named as here.
    pub members: Vec<String>,
    /// Most turns before the closing one, in which the first member sums up; 1 to 50.
    pub turns: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scene: String,
    /// Who speaks next; in turn when absent.
    #[serde(default, skip_serializing_if = "Order::is_round_robin")]
    pub order: Order,
    /// Who may speak after whom; everybody after everybody when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transitions: Option<Transitions>,
    /// Whether somebody may speak twice in a row; true when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<bool>,
    /// Most turns of a member, before the closing one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<String, u32>,
    /// Turns of others before somebody may speak again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<u32>,
    /// Tell every member who the others are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub introductions: bool,
    /// The room closes when this holds, at the latest after `turns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Condition>,
}

/// How the next speaker is chosen among those who may speak.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// In the order of `members`, again and again.
    #[default]
    RoundRobin,
    /// By chance; the same in every replay.
    Random {
        /// Draw other numbers; the conversation's own when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
    },
    /// Whoever has the highest rank; 0 when a member has none. Equals take turns.
    Priority { ranks: BTreeMap<String, i64> },
    /// The first rule that holds; nobody's rule, the next in turn.
    Rule { rules: Vec<Rule> },
    /// A model reads what was said and names one; what cannot be read, the next in turn.
    Model {
        /// What to look at when choosing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        instruction: String,
    },
}

impl Order {
    fn is_round_robin(&self) -> bool {
        *self == Self::RoundRobin
    }
}

/// `when` is an expression of the Common Expression Language over `turn`, `last`, `last_text`,
/// `spoken` (turns of each member), `tokens`, `cost_micros` and `seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub when: String,
    pub speaker: String,
}

/// Who may, or may not, speak after whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transitions {
    /// Only those named may follow; after a member that is not a key, nobody.
    Allowed(BTreeMap<String, Vec<String>>),
    /// Everybody but those named may follow.
    Disallowed(BTreeMap<String, Vec<String>>),
}

/// When a room closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Somebody said this, in any case.
    Text(Text),
    /// So many turns were taken.
    Turns(u32),
    /// So many tokens were used by the room, prompts and answers together.
    Tokens(u64),
    /// So much was spent by the room, in millionths of a US dollar.
    CostMicros(i64),
    /// So many seconds have passed since the room began.
    Seconds(u64),
    /// Everybody has spoken so often.
    EachSpoke(u32),
    /// An expression as in a rule holds.
    Rule(String),
    All(Vec<Self>),
    Any(Vec<Self>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub contains: String,
    /// Only when this member said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}
