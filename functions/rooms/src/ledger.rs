//! A supervisor's ledger: what is known, what is planned, how it goes. An answer that cannot be read
//! changes nothing but the count of turns without progress, so no supervisor holds a room up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::Answer;

const MOST_ENTRIES: usize = 20;
const LONGEST_ENTRY: usize = 300;
const LONGEST_INSTRUCTION: usize = 2_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    pub facts: Vec<String>,
    pub plan: Vec<String>,
    /// Turns without progress; one with progress takes one away.
    pub stalled: u32,
    /// Plans that were made anew.
    pub replans: u32,
    pub done: bool,
}

/// What the supervisor wants next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) next: Option<String>,
    pub(crate) instruction: Option<String>,
    /// The answer could not be read.
    pub(crate) unreadable: bool,
}

impl Ledger {
    /// As it stands after all of these answers.
    pub(crate) fn after_all<'a>(
        answers: impl IntoIterator<Item = &'a Answer>,
        stalls: u32,
    ) -> (Self, Orders) {
        let mut now = (Self::default(), Orders::default());
        for answer in answers {
            now = now.0.after(answer, stalls);
        }
        now
    }

    /// After so many turns without progress the next question asks for a new plan.
    pub(crate) fn wants_plan(&self, stalls: u32) -> bool {
        self.stalled >= stalls.max(1)
    }

    fn after(self, answer: &Answer, stalls: u32) -> (Self, Orders) {
        let replanned = self.wants_plan(stalls);
        let object = match answer {
            Answer::Model(Some(text)) => object(text),
            Answer::Model(None) | Answer::Person { .. } => None,
        };
        let says = |key: &str| object.as_ref().and_then(|object| object[key].as_bool());
        let advances = says("advancing") == Some(true) && says("looping") != Some(true);
        let entries = |key: &str, before: Vec<String>| {
            let given = object.as_ref().and_then(|object| object[key].as_array());
            let texts = given.into_iter().flatten().filter_map(Value::as_str);
            let kept: Vec<String> =
                texts.take(MOST_ENTRIES).map(|text| cut(text, LONGEST_ENTRY)).collect();
            if kept.is_empty() { before } else { kept }
        };
        let text = |key: &str, most| {
            let text = object.as_ref().and_then(|object| object[key].as_str())?.trim();
            (!text.is_empty()).then(|| cut(text, most))
        };
        let orders = Orders {
            next: text("next", LONGEST_ENTRY),
            instruction: text("instruction", LONGEST_INSTRUCTION),
            unreadable: object.is_none(),
        };
        let stalled = match (replanned, advances) {
            (true, _) => 0,
            (false, true) => self.stalled.saturating_sub(1),
            (false, false) => self.stalled + 1,
        };
        let ledger = Self {
            facts: entries("facts", self.facts),
            plan: entries("plan", self.plan),
            stalled,
            replans: self.replans + u32::from(replanned),
            done: says("done") == Some(true),
        };
        (ledger, orders)
    }
}

/// The object in a model's answer, whatever stands around it.
pub(crate) fn object(text: &str) -> Option<Value> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    let value: Value = serde_json::from_str(text.get(start..=end)?).ok()?;
    value.is_object().then_some(value)
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}
