//! Whether a room can run: everybody named is a member, every expression can be worked out.

use std::collections::BTreeSet;

use crate::model::{Condition, Order, Room, Transitions};
use crate::rule::{self, Facts};

const MOST_MEMBERS: usize = 200;
const MOST_TURNS: u32 = 50;
const MOST_RULES: usize = 50;
const LONGEST_EXPRESSION: usize = 1_000;
/// Conditions within conditions.
const DEEPEST: usize = 8;

/// `id` is the step or the room that the sentence is about.
pub fn check(id: &str, room: &Room) -> Result<(), String> {
    let about = |rule: String| format!("the room `{id}` {rule}");
    if room.members.len() < 2 {
        return Err(about("needs at least two members".into()));
    }
    if room.members.len() > MOST_MEMBERS {
        return Err(about(format!("may have at most {MOST_MEMBERS} members")));
    }
    let members: BTreeSet<_> = room.members.iter().collect();
    if members.len() < room.members.len() {
        return Err(about("names a member twice".into()));
    }
    if !(1..=MOST_TURNS).contains(&room.turns) {
        return Err(about(format!("may have 1 to {MOST_TURNS} turns")));
    }
    let stranger = named(room).into_iter().find(|name| !members.contains(name));
    if let Some(stranger) = stranger {
        return Err(about(format!(
            "speaks of `{stranger:.100}`, who is no member: name members as in `members`"
        )));
    }
    let expressions = expressions(room).map_err(|rule| about(rule.into()))?;
    for expression in expressions {
        if expression.len() > LONGEST_EXPRESSION {
            return Err(about(format!("has an expression over {LONGEST_EXPRESSION} bytes")));
        }
        if let Err(why) = rule::holds(expression, &Facts::none(&room.members)) {
            return Err(about(format!("has an expression that fails, `{expression}`: {why:.300}")));
        }
    }
    Ok(())
}

/// Everybody whom a rule of the room speaks of.
fn named(room: &Room) -> Vec<&String> {
    let mut all: Vec<&String> = room.caps.keys().collect();
    match &room.transitions {
        Some(Transitions::Allowed(map) | Transitions::Disallowed(map)) => {
            all.extend(map.iter().flat_map(|(from, to)| std::iter::once(from).chain(to)));
        }
        None => {}
    }
    match &room.order {
        Order::Priority { ranks } => all.extend(ranks.keys()),
        Order::Rule { rules } => all.extend(rules.iter().map(|rule| &rule.speaker)),
        Order::RoundRobin | Order::Random { .. } | Order::Model { .. } => {}
    }
    let mut open: Vec<&Condition> = room.until.iter().collect();
    while let Some(condition) = open.pop() {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => open.extend(parts),
            Condition::Text(text) => all.extend(&text.by),
            _ => {}
        }
    }
    all
}

fn expressions(room: &Room) -> Result<Vec<&String>, &'static str> {
    let mut all = Vec::new();
    if let Order::Rule { rules } = &room.order {
        if rules.is_empty() || rules.len() > MOST_RULES {
            return Err("has an order by rule and needs 1 to 50 rules");
        }
        all.extend(rules.iter().map(|rule| &rule.when));
    }
    let mut open: Vec<(&Condition, usize)> = room.until.iter().map(|until| (until, 1)).collect();
    while let Some((condition, depth)) = open.pop() {
        if depth > DEEPEST {
            return Err("has conditions more than 8 deep");
        }
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                if parts.is_empty() || parts.len() > MOST_RULES {
                    return Err("has `all` or `any` without parts, or with more than 50");
                }
                open.extend(parts.iter().map(|part| (part, depth + 1)));
            }
            Condition::Rule(expression) => all.push(expression),
            Condition::Text(text) if text.contains.trim().is_empty() => {
                return Err("waits for a text that is empty");
            }
            _ => {}
        }
    }
    Ok(all)
}
