//! The room's own order: by itself, or by asking a model, a person or the supervisor. Whatever they
//! answer, somebody speaks who may.

use jiff::{SignedDuration, Timestamp};

use crate::frame::{Frame, Turn};
use crate::inner::Sight;
use crate::ledger::Ledger;
use crate::model::Order;
use crate::order::{self, Pick};
use crate::pick;
use crate::record::{Answer, Line};
use crate::state::{About, Action, Question, State, Wait};

pub(crate) const PATIENCE_SECONDS: u32 = 600;
const STALLS: u32 = 3;
const REPLANS: u32 = 2;

/// Who was chosen, and what goes with it.
pub(crate) struct Chosen {
    pub(crate) pick: Pick,
    pub(crate) sight: Sight,
    pub(crate) instruction: Option<String>,
    pub(crate) ledger: Option<Ledger>,
}

impl From<Pick> for Chosen {
    fn from(pick: Pick) -> Self {
        Self { pick, sight: Sight::All, instruction: None, ledger: None }
    }
}

pub(crate) enum Choosing {
    Done(Chosen),
    Asks(Action),
    Closes(String),
}

pub(crate) fn by_order(
    state: &State<'_>,
    frame: &Frame<'_>,
    candidates: &[usize],
    now: Timestamp,
) -> Choosing {
    let answer = state.answers.iter().find(|answered| answered.path == frame.path);
    let answer = answer.map(|answered| &answered.answer);
    let names = || candidates.iter().map(|of| frame.room.members[*of].clone()).collect();
    let lines = || frame.turns.iter().map(Turn::line).collect();
    let read = |text: &str| pick::read(text, &frame.room.members, &frame.display(), candidates);
    match &frame.room.order {
        Order::Supervisor { .. } => supervised(frame, candidates, answer, names, lines),
        _ if candidates.len() == 1 => {
            Choosing::Done(Pick::new(candidates[0], "the only one who may speak").into())
        }
        Order::Model { instruction } => match answer {
            None => Choosing::Asks(Action::Ask(Question {
                path: frame.path.clone(),
                candidates: names(),
                about: About::Speaker { instruction: instruction.clone() },
                shown: lines(),
            })),
            Some(Answer::Model(Some(text))) => Choosing::Done(
                match read(text) {
                    Ok(speaker) => Pick::new(speaker, "the model named them"),
                    Err(why) => Pick::instead(frame, candidates, why),
                }
                .into(),
            ),
            Some(_) => {
                let why = "the model gave no answer";
                Choosing::Done(Pick::instead(frame, candidates, why).into())
            }
        },
        Order::Manual { patience_seconds } => {
            let patience = i64::from(patience_seconds.unwrap_or(PATIENCE_SECONDS));
            let since = frame.turns.last().map_or(frame.began, |turn| turn.at);
            let until =
                since.checked_add(SignedDuration::from_secs(patience)).unwrap_or(Timestamp::MAX);
            match answer {
                Some(Answer::Person { member, .. }) => Choosing::Done(
                    match frame.called(member).filter(|of| candidates.contains(of)) {
                        Some(speaker) => Pick::new(speaker, "a person named them"),
                        None => Pick::instead(
                            frame,
                            candidates,
                            format!("a person named {member:.80}, who may not speak now"),
                        ),
                    }
                    .into(),
                ),
                _ if now < until => Choosing::Asks(Action::Wait(Wait {
                    path: frame.path.clone(),
                    candidates: names(),
                    until,
                })),
                _ => {
                    let why = format!("nobody named one within {patience} seconds");
                    Choosing::Done(Pick::instead(frame, candidates, why).into())
                }
            }
        }
        _ => Choosing::Done(order::choose(frame, candidates, state.seed, now).into()),
    }
}

fn supervised(
    frame: &Frame<'_>,
    candidates: &[usize],
    answer: Option<&Answer>,
    names: impl Fn() -> Vec<String>,
    lines: impl Fn() -> Vec<Line>,
) -> Choosing {
    let Order::Supervisor { member, instruction, stalls, replans } = &frame.room.order else {
        return Choosing::Closes("nobody supervises".into());
    };
    let stalls = stalls.unwrap_or(STALLS);
    let before = frame.answers.iter().copied();
    let Some(answer) = answer else {
        let (ledger, _) = Ledger::after_all(before, stalls);
        let replan = ledger.wants_plan(stalls);
        let (supervisor, instruction) = (member.clone(), instruction.clone());
        return Choosing::Asks(Action::Ask(Question {
            path: frame.path.clone(),
            candidates: names(),
            about: About::Ledger { supervisor, instruction, ledger, replan },
            shown: lines(),
        }));
    };
    let (ledger, orders) = Ledger::after_all(before.chain([answer]), stalls);
    if ledger.done && !frame.turns.is_empty() {
        return Choosing::Closes(format!("{member} holds that it is done"));
    }
    if ledger.replans > replans.unwrap_or(REPLANS) {
        let plans = ledger.replans - 1;
        return Choosing::Closes(format!("no progress after {plans} new plans"));
    }
    let pick = match &orders.next {
        _ if orders.unreadable => {
            Pick::instead(frame, candidates, "the supervisor's ledger cannot be read")
        }
        None => Pick::instead(frame, candidates, "the supervisor named nobody"),
        Some(name) => match pick::read(name, &frame.room.members, &frame.display(), candidates) {
            Ok(speaker) => Pick::new(speaker, format!("{member} gave them the work")),
            Err(why) => Pick::instead(frame, candidates, why),
        },
    };
    // What was meant for another is not asked of whoever stands in.
    let instruction = orders.instruction.filter(|_| pick.fallback.is_none());
    Choosing::Done(Chosen { pick, sight: Sight::All, instruction, ledger: Some(ledger) })
}
