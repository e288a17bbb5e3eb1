//! What goes with a turn: what its speaker is shown, and what is asked.

use jiff::Timestamp;

use crate::analysis;
use crate::choosing::Chosen;
use crate::frame::{Frame, Turn};
use crate::inner::Sight;
use crate::record::{Choice, Mark, Task};
use crate::state::State;

pub(crate) fn speak(
    state: &State<'_>,
    frame: &Frame<'_>,
    chosen: Chosen,
    candidates: &[usize],
    now: Timestamp,
) -> Choice {
    let Chosen { pick, sight, instruction, ledger } = chosen;
    let first = !frame.turns.iter().any(|turn| turn.speaker == pick.speaker);
    let newest = frame.turns.len().saturating_sub(1);
    let mine = |at: usize| at == newest || frame.turns[at].speaker == pick.speaker;
    let from = |most: u32| frame.turns.len().saturating_sub(most as usize);
    let kept: (Option<String>, Vec<usize>) = match sight {
        _ if first && frame.room.first_takes => {
            (Some("nothing: a first take of their own".into()), vec![])
        }
        Sight::All => (None, (0..frame.turns.len()).collect()),
        Sight::Last(most) => {
            (Some(format!("the last {most} turns")), (from(most)..frame.turns.len()).collect())
        }
        Sight::Request => (Some("the turn that handed over".into()), vec![newest]),
        Sight::Own => {
            let own = (0..frame.turns.len()).filter(|at| mine(*at)).collect();
            (Some("their own turns and the one that handed over".into()), own)
        }
    };
    let (sees, kept) = kept;
    let turns = kept.into_iter().filter_map(|at| frame.turns.get(at));
    let shown = frame.carried.iter().cloned().chain(turns.map(Turn::line)).collect();
    Choice {
        member: frame.room.members[pick.speaker].clone(),
        reason: pick.reason,
        candidates: candidates.iter().map(|of| frame.room.members[*of].clone()).collect(),
        fallback: pick.fallback,
        sees,
        opened: Vec::new(),
        ledger,
        mark: mark(state, frame, false, now),
        task: Task::Speak(instruction),
        shown,
    }
}

/// The turn in which a room is summed up.
pub(crate) fn closing(
    state: &State<'_>,
    frame: &Frame<'_>,
    why: &str,
    now: Timestamp,
) -> Option<Choice> {
    let member = frame.room.members.get(frame.room.closer())?.clone();
    let dissent = if frame.room.minority_report { analysis::dissent(frame) } else { Vec::new() };
    let lines = frame.turns.iter().map(Turn::line);
    let shown = frame.carried.iter().cloned().chain(lines).collect();
    Some(Choice {
        reason: format!("closing turn, {member} sums up: {why}"),
        candidates: vec![member.clone()],
        member,
        fallback: None,
        sees: None,
        opened: Vec::new(),
        ledger: None,
        mark: mark(state, frame, true, now),
        task: Task::Close { fields: frame.carry.fields().to_vec(), dissent },
        shown,
    })
}

fn mark(state: &State<'_>, frame: &Frame<'_>, closing: bool, now: Timestamp) -> Mark {
    let path = frame.path.clone();
    Mark { path, closing, answers: state.answers.clone(), decided_at: now }
}
