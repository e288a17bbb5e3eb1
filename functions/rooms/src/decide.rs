//! What a room does next, rooms within included. From the outside in: whatever ends a room ends
//! those within it, so a cap of the whole holds in its smallest part.

use jiff::Timestamp;

use crate::check::DEEPEST_ROOM;
use crate::choosing::{Choosing, Chosen, by_order};
use crate::frame::{Frame, Part};
use crate::handoff::{self, Due};
use crate::order::{self, Pick};
use crate::record::Opened;
use crate::rule::{self, Facts};
use crate::speak::{closing, speak};
use crate::state::{Action, State};
use crate::until;

pub(crate) enum Step<'a> {
    Act(Box<Action>),
    /// The room within is over, without a closing turn or after it.
    Over(Box<Frame<'a>>),
}

impl Step<'_> {
    fn act(action: Action) -> Self {
        Self::Act(Box::new(action))
    }
}

pub(crate) fn step<'a>(state: &'a State<'_>, mut frame: Frame<'a>, now: Timestamp) -> Step<'a> {
    if frame.closing.is_some() {
        return Step::Over(Box::new(frame));
    }
    if let Some(why) = until::over(&frame, now) {
        return close(state, frame, &why, now);
    }
    if let Some((name, part)) = frame.open.take() {
        if let Some(child) = frame.child(&name, part) {
            match step(state, child, now) {
                Step::Act(action) => return Step::Act(action),
                Step::Over(child) => frame.settle(&name, &child),
            }
        }
        if let Some(why) = until::over(&frame, now) {
            return close(state, frame, &why, now);
        }
    }
    if !frame.room.chats.is_empty() {
        return next_chat(state, frame, now);
    }
    let strict = order::strict(&frame);
    let (mut candidates, mut waived) = order::candidates(&frame, &strict);
    if candidates.is_empty() {
        return close(state, frame, "nobody else may speak", now);
    }
    let mut chosen = match handoff::due(&frame, &strict) {
        Due::To { speaker, reason, sight } => {
            (candidates, waived) = (vec![speaker], None);
            Chosen { sight, ..Chosen::from(Pick::new(speaker, reason)) }
        }
        due => {
            let mut chosen = match by_order(state, &frame, &candidates, now) {
                Choosing::Done(chosen) => chosen,
                Choosing::Asks(action) => return Step::act(action),
                Choosing::Closes(why) => return close(state, frame, &why, now),
            };
            if let Due::Refused(why) = due {
                chosen.pick.fallback.get_or_insert(why);
            }
            chosen
        }
    };
    if chosen.pick.fallback.is_none() {
        chosen.pick.fallback = waived;
    }
    open(state, &frame, chosen, &candidates, now)
}

/// The member speaks, or the room does that answers for them.
fn open<'a>(
    state: &'a State<'_>,
    frame: &Frame<'a>,
    chosen: Chosen,
    candidates: &[usize],
    now: Timestamp,
) -> Step<'a> {
    let member = &frame.room.members[chosen.pick.speaker];
    let facts = Facts::of(frame, now);
    let opens = frame.room.nested.iter().find(|nested| {
        let times =
            frame.opened.iter().filter(|name| name.starts_with(&format!("{}#", nested.name)));
        let left = nested.times.is_none_or(|most| times.count() < most as usize);
        let when = || nested.when.as_ref().is_none_or(|when| rule::holds(when, &facts) == Ok(true));
        nested.member == *member && left && frame.depth() < DEEPEST_ROOM && when()
    });
    let Some(nested) = opens else {
        return Step::act(Action::Speak(speak(state, frame, chosen, candidates, now)));
    };
    let name = format!("{}#{}", nested.name, frame.opened.len() + 1);
    let path = frame.path_of(&name);
    let inner = frame.child(&name, Part::default()).map(|child| step(state, child, now));
    if let Some(Step::Act(action)) = inner {
        let mut action = *action;
        if let Action::Speak(choice) = &mut action {
            let names = candidates.iter().map(|of| frame.room.members[*of].clone());
            choice.opened.insert(
                0,
                Opened {
                    path,
                    member: Some(member.clone()),
                    reason: chosen.pick.reason,
                    candidates: names.collect(),
                    fallback: chosen.pick.fallback,
                },
            );
            choice.ledger = choice.ledger.take().or(chosen.ledger);
        }
        return Step::act(action);
    }
    let mut chosen = chosen;
    chosen.pick.fallback = Some(format!("in `{}` nobody may speak", nested.name));
    Step::act(Action::Speak(speak(state, frame, chosen, candidates, now)))
}

/// The first listed of those whose needs are over; one that has nobody to speak is over at once.
fn next_chat<'a>(state: &'a State<'_>, frame: Frame<'a>, now: Timestamp) -> Step<'a> {
    let mut over: Vec<String> =
        frame.opened.iter().filter_map(|name| name.split('#').next()).map(str::to_owned).collect();
    loop {
        let ready = frame.room.chats.iter().find(|chat| {
            !over.contains(&chat.name) && chat.needs.iter().all(|need| over.contains(need))
        });
        let Some(chat) = ready else {
            return close(state, frame, "every talk is over", now);
        };
        let name = format!("{}#1", chat.name);
        let child = frame.child(&name, Part::default());
        if let Some(Step::Act(mut action)) = child.map(|child| step(state, child, now)) {
            if let Action::Speak(choice) = action.as_mut() {
                let after = frame.turns.last().map(|turn| turn.member);
                let reason = after
                    .map_or("the first talk".into(), |after| format!("the talk after {after}"));
                choice.opened.insert(
                    0,
                    Opened {
                        path: frame.path_of(&name),
                        member: None,
                        reason,
                        candidates: Vec::new(),
                        fallback: None,
                    },
                );
            }
            return Step::Act(action);
        }
        over.push(chat.name.clone());
    }
}

/// A closing turn where there is to be one: of the whole, and of a room whose summary is carried on.
fn close<'a>(state: &'a State<'_>, frame: Frame<'a>, why: &str, now: Timestamp) -> Step<'a> {
    if !frame.is_root() && !frame.carry.closes() {
        return Step::Over(Box::new(frame));
    }
    match closing(state, &frame, why, now) {
        Some(choice) => Step::act(Action::Speak(choice)),
        None => Step::Over(Box::new(frame)),
    }
}
