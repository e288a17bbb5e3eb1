//! What a room is, as data within a definition. Rooms within rooms: [`crate::inner`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inner::{Chat, Handoff, Nested};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in a definition")]
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
    /// Who may give the word to whom, by ending a turn with a line `HANDOFF: name` or by a tool
    /// called `handoff_to_name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handoffs: Vec<Handoff>,
    /// Rooms that answer for a member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<Nested>,
    /// Talks that are held one after the other, each knowing what came of those before. They are the
    /// room's turns: then nobody else is chosen, and the first member sums up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chats: Vec<Chat>,
    /// Every member's first turn is written without seeing the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_takes: bool,
    /// Close after two turns in a row that say again what was said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop_loops: bool,
    /// The closing turn reports what members held who did not come round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub minority_report: bool,
}

impl Room {
    /// Everybody who may speak in it or in a room within, once each, in the order of the definition.
    pub fn cast(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        self.gather(&mut all);
        all
    }

    /// The room within, by the path that a turn carries: `review#1/experts#2`; itself by the empty one.
    pub fn at(&self, path: &str) -> Option<&Self> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        if first.is_empty() {
            return Some(self);
        }
        let name = first.rsplit_once('#')?.0;
        self.within().find(|(of, _)| *of == name)?.1.at(rest)
    }

    pub(crate) fn within(&self) -> impl Iterator<Item = (&str, &Self)> {
        let nested = self.nested.iter().map(|nested| (nested.name.as_str(), &nested.room));
        nested.chain(self.chats.iter().map(|chat| (chat.name.as_str(), &chat.room)))
    }

    pub(crate) fn place(&self, member: &str) -> Option<usize> {
        self.members.iter().position(|name| name == member)
    }

    /// Who sums up: the supervisor, or the first member.
    pub(crate) fn closer(&self) -> usize {
        match &self.order {
            Order::Supervisor { member, .. } => self.place(member).unwrap_or_default(),
            _ => 0,
        }
    }

    fn gather<'a>(&'a self, all: &mut Vec<&'a str>) {
        for member in &self.members {
            if !all.contains(&member.as_str()) {
                all.push(member);
            }
        }
        for (_, room) in self.within() {
            room.gather(all);
        }
    }
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
    /// A person names the next.
    Manual {
        /// After so many seconds without a word from anybody, the next in turn; 600 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patience_seconds: Option<u32>,
    },
    /// A member keeps a ledger of facts, plan and progress, and gives the others their work. It
    /// speaks itself when it sums up.
    Supervisor {
        member: String,
        /// What to look at when planning.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        instruction: String,
        /// Turns without progress before a new plan is made; 3 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stalls: Option<u32>,
        /// New plans without progress before the room closes; 2 when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replans: Option<u32>,
    },
}

impl Order {
    fn is_round_robin(&self) -> bool {
        *self == Self::RoundRobin
    }
}

/// `when` is an expression of the Common Expression Language over `turn`, `last`, `last_text`,
/// `last_tools`, `spoken` (turns of each member), `tokens`, `cost_micros` and `seconds`.
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
    /// Somebody handed over: to this one, who need not be a member, or to anybody.
    Handoff {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Somebody called the tool of this name.
    Function(String),
    /// Everybody has spoken, and what they said last is alike by so many percent.
    Agreement(u32),
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
