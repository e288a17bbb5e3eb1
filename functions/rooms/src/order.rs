//! Who may speak, and who does.

use jiff::Timestamp;

use crate::frame::Frame;
use crate::model::{Order, Room, Transitions};
use crate::rule::{self, Facts};

/// A speaker, and why.
#[derive(Debug)]
pub(crate) struct Pick {
    pub(crate) speaker: usize,
    pub(crate) reason: String,
    pub(crate) fallback: Option<String>,
}

impl Pick {
    pub(crate) fn new(speaker: usize, reason: impl Into<String>) -> Self {
        Self { speaker, reason: reason.into(), fallback: None }
    }

    pub(crate) fn instead(frame: &Frame<'_>, candidates: &[usize], why: impl Into<String>) -> Self {
        let speaker = in_turn(frame, candidates);
        Self { speaker, reason: "next in turn".into(), fallback: Some(why.into()) }
    }
}

/// Those whom caps and transitions let speak. These two always hold. A supervisor only sums up.
pub(crate) fn strict(frame: &Frame<'_>) -> Vec<usize> {
    let room = frame.room;
    let last = frame.turns.last().map(|turn| turn.speaker);
    let turns = |of: usize| frame.turns.iter().filter(|turn| turn.speaker == of).count();
    let under_cap = |of: usize| match room.caps.get(&room.members[of]) {
        Some(cap) => turns(of) < usize::try_from(*cap).unwrap_or(usize::MAX),
        None => true,
    };
    let follows = |of: usize| last.is_none_or(|last| may_follow(room, last, of));
    let works = |of: usize| match &room.order {
        Order::Supervisor { member, .. } => room.members[of] != *member,
        _ => true,
    };
    (0..room.members.len()).filter(|of| works(*of) && under_cap(*of) && follows(*of)).collect()
}

/// Those of `strict` who may speak now. When the milder rules leave nobody, they are waived one
/// after the other, and the second value says so.
pub(crate) fn candidates(frame: &Frame<'_>, strict: &[usize]) -> (Vec<usize>, Option<String>) {
    let room = frame.room;
    let last = frame.turns.last().map(|turn| turn.speaker);
    let repeats = |of: usize| room.repeat == Some(false) && last == Some(of);
    let wait = usize::try_from(room.cooldown.unwrap_or(0)).unwrap_or(usize::MAX);
    let rests = |of: usize| frame.turns.iter().rev().take(wait).any(|turn| turn.speaker == of);

    let both: Vec<usize> =
        strict.iter().copied().filter(|of| !repeats(*of) && !rests(*of)).collect();
    if !both.is_empty() || strict.is_empty() {
        return (both, None);
    }
    let rested: Vec<usize> = strict.iter().copied().filter(|of| !repeats(*of)).collect();
    if !rested.is_empty() {
        return (rested, Some("everybody was to wait, so nobody does".into()));
    }
    (strict.to_vec(), Some("nobody else may speak, so the same member goes on".into()))
}

fn may_follow(room: &Room, last: usize, of: usize) -> bool {
    let named = |map: &std::collections::BTreeMap<String, Vec<String>>| {
        let last = room.members.get(last);
        last.and_then(|last| map.get(last)).is_some_and(|after| after.contains(&room.members[of]))
    };
    match &room.transitions {
        None => true,
        Some(Transitions::Allowed(map)) => named(map),
        Some(Transitions::Disallowed(map)) => !named(map),
    }
}

/// By an order that asks nobody.
pub(crate) fn choose(frame: &Frame<'_>, candidates: &[usize], seed: u64, now: Timestamp) -> Pick {
    let turn = frame.turns.len() + 1;
    let planned = frame.room.turns;
    match &frame.room.order {
        Order::Random { seed: own } => {
            let draw = draw(own.unwrap_or(seed) ^ folded(&frame.path), turn);
            let of = usize::try_from(draw % candidates.len().max(1) as u64).unwrap_or_default();
            let speaker = candidates.get(of).copied().unwrap_or_default();
            Pick::new(speaker, format!("by chance: turn {turn} of {planned}"))
        }
        Order::Priority { ranks } => {
            let rank =
                |of: &usize| ranks.get(&frame.room.members[*of]).copied().unwrap_or_default();
            let highest = candidates.iter().map(rank).max().unwrap_or_default();
            let best: Vec<usize> =
                candidates.iter().copied().filter(|of| rank(of) == highest).collect();
            Pick::new(in_turn(frame, &best), format!("highest rank: {highest}"))
        }
        Order::Rule { rules } => {
            let facts = Facts::of(frame, now);
            let mut why = "no rule holds".to_owned();
            for rule in rules {
                match rule::holds(&rule.when, &facts) {
                    Ok(false) => {}
                    Ok(true) => {
                        let named = |of: &&usize| frame.room.members[**of] == rule.speaker;
                        if let Some(speaker) = candidates.iter().find(named) {
                            return Pick::new(*speaker, format!("by rule: `{}`", rule.when));
                        }
                        why = format!("{} may not speak now", rule.speaker);
                    }
                    Err(error) => {
                        why = format!("`{}` cannot be worked out: {error:.200}", rule.when);
                    }
                }
            }
            Pick::instead(frame, candidates, why)
        }
        Order::RoundRobin
        | Order::Model { .. }
        | Order::Manual { .. }
        | Order::Supervisor { .. } => {
            let reason = format!("round robin: turn {turn} of {planned}");
            Pick::new(in_turn(frame, candidates), reason)
        }
    }
}

/// The first of `candidates` after whoever spoke last. There is one.
fn in_turn(frame: &Frame<'_>, candidates: &[usize]) -> usize {
    let last = frame.turns.last().map(|turn| turn.speaker);
    let after = candidates.iter().copied().find(|of| last.is_some_and(|last| *of > last));
    after.or_else(|| candidates.first().copied()).unwrap_or_default()
}

/// `SplitMix64` (Steele, Lea, Flood 2014) of seed and turn: a replay draws the same.
fn draw(seed: u64, turn: usize) -> u64 {
    let turn = u64::try_from(turn).unwrap_or_default();
    let mut z = seed.wrapping_add(turn.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number of a path, so that a room within draws others than the one around it; FNV-1a.
fn folded(path: &str) -> u64 {
    if path.is_empty() {
        return 0;
    }
    path.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
