//! Who may speak, and who does.

use jiff::Timestamp;

use crate::meeting::{Choice, Meeting};
use crate::model::{Order, Room, Transitions};
use crate::pick;
use crate::rule::{self, Facts};

/// Those who may speak now. Caps and transitions always hold; when the milder rules leave nobody,
/// they are waived one after the other, and the second value says so.
pub(crate) fn candidates(meeting: &Meeting<'_>) -> (Vec<usize>, Option<String>) {
    let room = meeting.room;
    let last = meeting.said.last().map(|said| said.speaker);
    let turns = |of: usize| meeting.said.iter().filter(|said| said.speaker == of).count();
    let under_cap = |of: usize| match room.caps.get(&room.members[of]) {
        Some(cap) => turns(of) < usize::try_from(*cap).unwrap_or(usize::MAX),
        None => true,
    };
    let follows = |of: usize| last.is_none_or(|last| may_follow(room, last, of));
    let strict: Vec<usize> =
        (0..room.members.len()).filter(|of| under_cap(*of) && follows(*of)).collect();

    let repeats = |of: usize| room.repeat == Some(false) && last == Some(of);
    let wait = usize::try_from(room.cooldown.unwrap_or(0)).unwrap_or(usize::MAX);
    let rests = |of: usize| meeting.said.iter().rev().take(wait).any(|said| said.speaker == of);

    let both: Vec<usize> =
        strict.iter().copied().filter(|of| !repeats(*of) && !rests(*of)).collect();
    if !both.is_empty() || strict.is_empty() {
        return (both, None);
    }
    let rested: Vec<usize> = strict.iter().copied().filter(|of| !repeats(*of)).collect();
    if !rested.is_empty() {
        return (rested, Some("everybody was to wait, so nobody does".into()));
    }
    (strict, Some("nobody else may speak, so the same member goes on".into()))
}

fn may_follow(room: &Room, last: usize, of: usize) -> bool {
    let named = |map: &std::collections::BTreeMap<String, Vec<String>>| {
        map.get(&room.members[last]).is_some_and(|after| after.contains(&room.members[of]))
    };
    match &room.transitions {
        None => true,
        Some(Transitions::Allowed(map)) => named(map),
        Some(Transitions::Disallowed(map)) => !named(map),
    }
}

/// By the room's order; a model that was not asked counts as one that gave no answer.
pub(crate) fn choose(
    meeting: &Meeting<'_>,
    candidates: &[usize],
    waived: Option<String>,
    now: Timestamp,
) -> Choice {
    let turn = meeting.said.len() + 1;
    let planned = meeting.room.turns;
    let (speaker, reason, fallback) = match &meeting.room.order {
        _ if candidates.len() == 1 => {
            (candidates[0], "the only one who may speak".to_owned(), None)
        }
        Order::RoundRobin | Order::Model { .. } => {
            (in_turn(meeting, candidates), format!("round robin: turn {turn} of {planned}"), None)
        }
        Order::Random { seed } => {
            let draw = draw(seed.unwrap_or(meeting.seed), turn);
            let of = usize::try_from(draw % candidates.len() as u64).unwrap_or_default();
            (candidates[of], format!("by chance: turn {turn} of {planned}"), None)
        }
        Order::Priority { ranks } => {
            let rank =
                |of: &usize| ranks.get(&meeting.room.members[*of]).copied().unwrap_or_default();
            let highest = candidates.iter().map(rank).max().unwrap_or_default();
            let best: Vec<usize> =
                candidates.iter().copied().filter(|of| rank(of) == highest).collect();
            (in_turn(meeting, &best), format!("highest rank: {highest}"), None)
        }
        Order::Rule { .. } => by_rule(meeting, candidates, now),
    };
    let fallback = fallback.or(waived);
    choice(meeting, candidates, speaker, reason, fallback)
}

fn by_rule(
    meeting: &Meeting<'_>,
    candidates: &[usize],
    now: Timestamp,
) -> (usize, String, Option<String>) {
    let Order::Rule { rules } = &meeting.room.order else {
        return (in_turn(meeting, candidates), String::new(), None);
    };
    let facts = Facts::of(meeting, now);
    let mut why = "no rule holds".to_owned();
    for rule in rules {
        match rule::holds(&rule.when, &facts) {
            Ok(false) => {}
            Ok(true) => {
                let named = |of: &&usize| meeting.room.members[**of] == rule.speaker;
                if let Some(speaker) = candidates.iter().find(named) {
                    return (*speaker, format!("by rule: `{}`", rule.when), None);
                }
                why = format!("{} may not speak now", rule.speaker);
            }
            Err(error) => why = format!("`{}` cannot be worked out: {error:.200}", rule.when),
        }
    }
    (in_turn(meeting, candidates), "next in turn".into(), Some(why))
}

pub(crate) fn by_model(
    meeting: &Meeting<'_>,
    candidates: &[usize],
    names: &[&str],
    answer: Option<&str>,
) -> Choice {
    let picked = match answer {
        None => Err("the model gave no answer"),
        Some(answer) => pick::read(answer, &meeting.room.members, names, candidates),
    };
    let (speaker, reason, fallback) = match picked {
        Ok(speaker) => (speaker, "the model named them".to_owned(), None),
        Err(why) => (in_turn(meeting, candidates), "next in turn".to_owned(), Some(why.to_owned())),
    };
    choice(meeting, candidates, speaker, reason, fallback)
}

fn choice(
    meeting: &Meeting<'_>,
    candidates: &[usize],
    speaker: usize,
    reason: String,
    fallback: Option<String>,
) -> Choice {
    let name = |of: &usize| meeting.room.members[*of].clone();
    let candidates = candidates.iter().map(name).collect();
    Choice { speaker, reason, candidates, fallback, closing: false }
}

/// The first of `candidates` after whoever spoke last. There is one.
fn in_turn(meeting: &Meeting<'_>, candidates: &[usize]) -> usize {
    let last = meeting.said.last().map(|said| said.speaker);
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
