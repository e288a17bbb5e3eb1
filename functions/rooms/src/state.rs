//! `decide(state, event) -> action`. The state is the record and nothing else; the clock comes with
//! each event, chance from a seed. So the same record gives the same decisions, whenever and wherever
//! it is read again: [`replay`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::decide::{self, Step};
use crate::frame::Frame;
use crate::ledger::Ledger;
use crate::model::Room;
use crate::record::{Answered, Choice, Line, Said};

#[derive(Clone, Debug)]
pub struct State<'a> {
    pub room: &'a Room,
    /// Chance comes from here alone.
    pub seed: u64,
    pub began: Timestamp,
    /// What members are called, by reference; a member without a name is called by its reference.
    pub names: BTreeMap<String, String>,
    pub said: Vec<Said>,
    /// Answers since the last turn.
    pub answers: Vec<Answered>,
}

/// What came about.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A turn is on record.
    Said(Said),
    /// Somebody who was asked answered: a model, or a person.
    Answered(Answered),
    /// Nothing but that time passed.
    Tick,
}

/// What is to happen next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// This member speaks.
    Speak(Choice),
    /// Ask a model, and come back with what it answered.
    Ask(Question),
    /// Wait until a person names the next.
    Wait(Wait),
    /// The closing turn was taken.
    Done,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Goes into the answer: the room within that asks.
    pub path: String,
    pub candidates: Vec<String>,
    pub about: About,
    /// What was said in that room.
    pub shown: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// Who speaks next.
    Speaker { instruction: String },
    /// The supervisor's ledger, and who does what next.
    Ledger { supervisor: String, instruction: String, ledger: Ledger, replan: bool },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// Goes into the answer: the room within that waits.
    pub path: String,
    pub candidates: Vec<String>,
    /// Then the next in turn speaks.
    pub until: Timestamp,
}

impl<'a> State<'a> {
    pub fn new(room: &'a Room, seed: u64, began: Timestamp) -> Self {
        Self { room, seed, began, names: BTreeMap::new(), said: vec![], answers: vec![] }
    }

    /// What happens after all that came about.
    pub fn next(&self, now: Timestamp) -> Action {
        let root = Frame::root(self.room, &self.names, self.began, &self.said);
        match decide::step(self, root, now) {
            Step::Act(action) => *action,
            Step::Over(_) => Action::Done,
        }
    }
}

pub fn decide(state: &mut State<'_>, event: Event, now: Timestamp) -> Action {
    match event {
        Event::Said(said) => {
            state.answers.clear();
            state.said.push(said);
        }
        Event::Answered(answered) => state.answers.push(answered),
        Event::Tick => {}
    }
    state.next(now)
}

/// Every decision that a record holds, made again from what it says.
pub fn replay(state: &State<'_>) -> Vec<Action> {
    let turn = |(at, said): (usize, &Said)| {
        let before = State {
            said: state.said[..at].to_vec(),
            answers: said.mark.answers.clone(),
            ..state.clone()
        };
        before.next(said.mark.decided_at)
    };
    state.said.iter().enumerate().map(turn).collect()
}
