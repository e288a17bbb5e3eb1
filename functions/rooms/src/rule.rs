//! Expressions of the Common Expression Language over a room's facts.

use std::collections::HashMap;

use cel::{Context, Program, Value};
use jiff::Timestamp;

use crate::frame::Frame;

/// What an expression may look at.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) turn: i64,
    pub(crate) last: String,
    pub(crate) last_text: String,
    pub(crate) last_tools: Vec<String>,
    /// Turns of each member, in the order of the members.
    pub(crate) spoken: Vec<(String, i64)>,
    pub(crate) tokens: u64,
    pub(crate) cost_micros: i64,
    pub(crate) seconds: u64,
}

impl Facts {
    pub(crate) fn of(frame: &Frame<'_>, now: Timestamp) -> Self {
        let turns = |of: usize| frame.turns.iter().filter(|turn| turn.speaker == of).count();
        let count = |turns: usize| i64::try_from(turns).unwrap_or(i64::MAX);
        let last = frame.turns.last();
        let seconds = now.as_second().saturating_sub(frame.began.as_second());
        let members = frame.room.members.iter().cloned();
        Self {
            turn: count(frame.turns.len()),
            last: last.map(|turn| turn.member.to_owned()).unwrap_or_default(),
            last_text: last.map(|turn| turn.text.to_string()).unwrap_or_default(),
            last_tools: last.map(|turn| turn.tools.to_vec()).unwrap_or_default(),
            spoken: members.zip((0..).map(|of| count(turns(of)))).collect(),
            tokens: frame.tokens,
            cost_micros: frame.micros,
            seconds: u64::try_from(seconds).unwrap_or_default(),
        }
    }

    /// Of a room in which nobody has spoken: what a definition's expressions are tried with.
    pub(crate) fn none(members: &[String]) -> Self {
        Self {
            turn: 0,
            last: String::new(),
            last_text: String::new(),
            last_tools: Vec::new(),
            spoken: members.iter().map(|member| (member.clone(), 0)).collect(),
            tokens: 0,
            cost_micros: 0,
            seconds: 0,
        }
    }
}

/// Whether it holds, or why that cannot be said.
pub(crate) fn holds(expression: &str, facts: &Facts) -> Result<bool, String> {
    let program = Program::compile(expression).map_err(|error| error.to_string())?;
    let mut context = Context::default();
    let int = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    context.add_variable_from_value("turn", facts.turn);
    context.add_variable_from_value("last", facts.last.clone());
    context.add_variable_from_value("last_text", facts.last_text.clone());
    context.add_variable_from_value("last_tools", facts.last_tools.clone());
    context.add_variable_from_value("tokens", int(facts.tokens));
    context.add_variable_from_value("cost_micros", facts.cost_micros);
    context.add_variable_from_value("seconds", int(facts.seconds));
    let spoken: HashMap<String, i64> = facts.spoken.iter().cloned().collect();
    context.add_variable_from_value("spoken", spoken);
    match Program::execute(&program, &context) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(_) => Err("it is neither true nor false".into()),
        Err(error) => Err(error.to_string()),
    }
}
