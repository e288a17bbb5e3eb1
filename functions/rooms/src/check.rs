//! Whether a room can run: everybody named is a member, every expression can be worked out, rooms
//! within can be reached and all of it ends.

use std::collections::BTreeSet;

use crate::choosing::PATIENCE_SECONDS;
use crate::inner::Carry;
use crate::model::{Condition, Order, Room, Transitions};
use crate::rule::{self, Facts};

const MOST_MEMBERS: usize = 200;
const MOST_TURNS: u32 = 50;
/// Of a room with all that is within it.
const MOST_TURNS_IN_ALL: u32 = 500;
const MOST_RULES: usize = 50;
const MOST_ROOMS: usize = 20;
const LONGEST_EXPRESSION: usize = 1_000;
/// Conditions within conditions.
const DEEPEST: usize = 8;
/// Rooms within rooms.
pub(crate) const DEEPEST_ROOM: usize = 3;

/// `id` is the step or the room that the sentence is about.
pub fn check(id: &str, room: &Room) -> Result<(), String> {
    check_at(id, room, 0)?;
    let most = most_turns(room).saturating_add(1);
    if most > MOST_TURNS_IN_ALL {
        return Err(format!(
            "the room `{id}` could take {most} turns with the rooms within it: at most \
             {MOST_TURNS_IN_ALL} may be"
        ));
    }
    Ok(())
}

/// The most turns it can take with all rooms within, but for its own closing one.
pub fn most_turns(room: &Room) -> u32 {
    let whole =
        |room: &Room, carry: &Carry| most_turns(room).saturating_add(u32::from(carry.closes()));
    if room.chats.is_empty() {
        let inner = room.nested.iter().map(|nested| whole(&nested.room, &nested.carry));
        room.turns.saturating_mul(inner.max().unwrap_or(1).max(1))
    } else {
        let chats = room.chats.iter().map(|chat| whole(&chat.room, &chat.carry));
        chats.fold(0, u32::saturating_add)
    }
}

/// The longest it can wait for people in all, in seconds.
pub fn longest_wait(room: &Room) -> u64 {
    let within = room.within().map(|(_, inner)| longest_wait(inner));
    let turns = match room.order {
        Order::Manual { patience_seconds } => {
            u64::from(room.turns) * u64::from(patience_seconds.unwrap_or(PATIENCE_SECONDS))
        }
        _ => 0,
    };
    // Each turn may be one of a room within, which may wait in each of its own.
    turns.saturating_add(u64::from(room.turns).saturating_mul(within.max().unwrap_or(0)))
}

/// Whether somebody may be waited for after a model was asked in the same turn: whoever drives the
/// room would have to keep that answer, or ask again each time it looks.
pub fn asks_before_it_waits(room: &Room) -> bool {
    let waits = |room: &Room| longest_wait(room) > 0;
    let asks = matches!(room.order, Order::Model { .. } | Order::Supervisor { .. });
    room.within().any(|(_, inner)| asks && waits(inner) || asks_before_it_waits(inner))
}

fn check_at(id: &str, room: &Room, depth: usize) -> Result<(), String> {
    let about = |rule: String| format!("the room `{id}` {rule}");
    if depth > DEEPEST_ROOM {
        return Err(about(format!("is more than {DEEPEST_ROOM} rooms deep")));
    }
    if room.members.len() < if room.chats.is_empty() { 2 } else { 1 } {
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
    order(room).map_err(|rule| about(rule.into()))?;
    within(id, room).map_err(about)?;
    for (name, inner) in room.within() {
        check_at(&format!("{id}/{name}"), inner, depth + 1)?;
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
        Order::Supervisor { member, .. } => all.push(member),
        Order::RoundRobin | Order::Random { .. } | Order::Model { .. } | Order::Manual { .. } => {}
    }
    all.extend(room.handoffs.iter().flat_map(|rule| std::iter::once(&rule.from).chain(&rule.to)));
    all.extend(room.nested.iter().map(|nested| &nested.member));
    let mut open: Vec<&Condition> = room.until.iter().collect();
    while let Some(condition) = open.pop() {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => open.extend(parts),
            // In a sequence it is talks that have spoken.
            Condition::Text(text) if room.chats.is_empty() => all.extend(&text.by),
            _ => {}
        }
    }
    all
}

fn expressions(room: &Room) -> Result<Vec<&String>, &'static str> {
    let mut all: Vec<&String> =
        room.nested.iter().filter_map(|nested| nested.when.as_ref()).collect();
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
            Condition::Function(name) if name.trim().is_empty() => {
                return Err("waits for a tool without a name");
            }
            Condition::Agreement(percent) if !(1..=100).contains(percent) => {
                return Err("waits for an agreement that is not 1 to 100 percent");
            }
            _ => {}
        }
    }
    Ok(all)
}

/// What an order and handing over need.
fn order(room: &Room) -> Result<(), &'static str> {
    match &room.order {
        Order::Manual { patience_seconds: Some(0) } => {
            return Err("waits 0 seconds for a person: give it some");
        }
        Order::Supervisor { stalls, replans, .. } => {
            let fits = |count: &Option<u32>| count.is_none_or(|count| (1..=20).contains(&count));
            if !fits(stalls) || !replans.is_none_or(|count| count <= 20) {
                return Err(
                    "has a supervisor with more than 20 `stalls` or `replans`, or 0 stalls",
                );
            }
        }
        _ => {}
    }
    if room.handoffs.len() > MOST_RULES {
        return Err("has more than 50 `handoffs`");
    }
    if room.handoffs.iter().any(|rule| rule.to.is_empty() || rule.to.contains(&rule.from)) {
        return Err("lets somebody hand over to nobody, or to themselves");
    }
    Ok(())
}

/// What rooms within need.
fn within(id: &str, room: &Room) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let mut names = BTreeSet::new();
    for (name, _) in room.within() {
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
            return Err(format!(
                "has a room `{name:.60}` within: use a-z, 0-9, `-` and `_`, at most 40"
            ));
        }
        if !names.insert(name) {
            return Err(format!("has two rooms `{name}` within"));
        }
    }
    if names.len() > MOST_ROOMS {
        return Err(format!("has more than {MOST_ROOMS} rooms within"));
    }
    let nested = room.nested.iter().map(|nested| (&nested.name, &nested.carry, &nested.room));
    let chats = room.chats.iter().map(|chat| (&chat.name, &chat.carry, &chat.room));
    for (name, carry, inner) in nested.chain(chats) {
        carried(carry, inner).map_err(|rule| format!("carries `{name}` out {rule}"))?;
    }
    if room.chats.is_empty() {
        return Ok(());
    }
    let plain_room = Room {
        members: room.members.clone(),
        turns: room.turns,
        scene: room.scene.clone(),
        until: room.until.clone(),
        chats: room.chats.clone(),
        minority_report: room.minority_report,
        ..Room::default()
    };
    if *room != plain_room {
        return Err("holds `chats`, so nobody is chosen in it: put the rest into the chats".into());
    }
    if room.chats.len() > room.turns as usize {
        return Err("has more `chats` than `turns`: each is a turn".into());
    }
    sequence(id, room)
}

fn carried(carry: &Carry, room: &Room) -> Result<(), &'static str> {
    match carry {
        Carry::Selected { most, .. } if !(1..=20).contains(most) => {
            Err("by selection: `most` may be 1 to 20")
        }
        Carry::Selected { by: Some(by), .. } if !room.members.contains(by) => {
            Err("by selection: `by` must be one of its members")
        }
        Carry::Structured { fields }
            if !(1..=20).contains(&fields.len())
                || fields.iter().any(|field| field.trim().is_empty() || field.len() > 60)
                || fields.iter().collect::<BTreeSet<_>>().len() < fields.len() =>
        {
            Err("by fields: give 1 to 20 different names of at most 60 bytes")
        }
        _ => Ok(()),
    }
}

/// Every talk can begin once those that it needs are over.
fn sequence(id: &str, room: &Room) -> Result<(), String> {
    let known = |name: &String| room.chats.iter().any(|chat| chat.name == *name);
    let all = room.chats.iter().flat_map(|chat| chat.needs.iter().chain(&chat.without));
    if let Some(missing) = all.into_iter().find(|name| !known(name)) {
        return Err(format!("speaks of the talk `{missing:.60}`, which is none of its `chats`"));
    }
    let mut over: BTreeSet<&String> = BTreeSet::new();
    while over.len() < room.chats.len() {
        let ready = |chat: &&crate::inner::Chat| {
            !over.contains(&chat.name) && chat.needs.iter().all(|need| over.contains(need))
        };
        match room.chats.iter().find(ready) {
            Some(chat) => over.insert(&chat.name),
            None => return Err(format!("has talks that wait for each other: see `{id}`")),
        };
    }
    Ok(())
}
