//! A room under way: what was said decides what happens next, and nothing else does.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Order, Room};
use crate::{order, until};

/// One turn on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Index into the room's members.
    pub speaker: usize,
    pub text: String,
    pub tokens: u64,
    pub micros: i64,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct Meeting<'a> {
    pub room: &'a Room,
    /// Chance comes from here alone.
    pub seed: u64,
    pub began: Timestamp,
    pub said: Vec<Said>,
    /// The closing turn was taken; it is the last of `said`.
    pub closed: bool,
}

/// What is to happen next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// This member speaks.
    Speak(Choice),
    /// Ask a model which of these speaks, and come back with its answer: [`Meeting::chosen`].
    Ask(Vec<usize>),
    /// The closing turn was taken.
    Done,
}

/// Who speaks, and why: kept with the turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    #[serde(skip)]
    pub speaker: usize,
    pub reason: String,
    /// Members who might have been chosen.
    pub candidates: Vec<String>,
    /// Why it went another way than the room's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// The member sums up, and the room is done.
    pub closing: bool,
}

impl Meeting<'_> {
    /// What happens after all that was said. The same past always gives the same answer.
    pub fn next(&self, now: Timestamp) -> Action {
        let planned = usize::try_from(self.room.turns).unwrap_or(usize::MAX);
        if self.closed {
            return Action::Done;
        }
        if let Some(why) = until::over(self, planned, now) {
            return self.closing(&why);
        }
        let (candidates, waived) = order::candidates(self);
        match (candidates.as_slice(), &self.room.order) {
            ([], _) => self.closing("nobody else may speak"),
            ([_, _, ..], Order::Model { .. }) => Action::Ask(candidates),
            _ => Action::Speak(order::choose(self, &candidates, waived, now)),
        }
    }

    /// Who speaks after a model was asked. It cannot fail: an answer that names nobody, or several,
    /// or somebody who may not speak, or no answer at all, gives the next in turn.
    pub fn chosen(&self, candidates: &[usize], names: &[&str], answer: Option<&str>) -> Choice {
        order::by_model(self, candidates, names, answer)
    }

    fn closing(&self, why: &str) -> Action {
        let candidates = self.room.members.first().cloned().into_iter().collect();
        Action::Speak(Choice {
            speaker: 0,
            reason: format!("closing turn, the first member sums up: {why}"),
            candidates,
            fallback: None,
            closing: true,
        })
    }
}
