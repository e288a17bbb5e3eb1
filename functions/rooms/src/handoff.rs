//! Handing over: who was named, whether that was allowed, and to whom the word goes back.

use crate::frame::{Frame, Turn};
use crate::inner::{Handoff, Sight};

const MARK: &str = "handoff:";
const TOOLS: [&str; 2] = ["handoff_to_", "transfer_to_"];

/// Who is to speak because of a handoff.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nobody handed over.
    Nothing,
    To {
        speaker: usize,
        reason: String,
        sight: Sight,
    },
    /// Somebody did who may not, or to somebody who may not speak now.
    Refused(String),
}

/// After the newest turn. `may_speak`: members whom caps and transitions allow.
pub(crate) fn due(frame: &Frame<'_>, may_speak: &[usize]) -> Due {
    let Some(last) = frame.turns.last() else { return Due::Nothing };
    if let Some(name) = wanted(last) {
        let from = last.member;
        return match allowed(frame, last) {
            None => Due::Refused(format!("{from} handed over to {name:.80}, which is not allowed")),
            Some((to, _)) if !may_speak.contains(&to) => {
                Due::Refused(format!("{from} handed over to {name:.80}, who may not speak now"))
            }
            Some((to, rule)) => {
                Due::To { speaker: to, reason: format!("{from} handed over"), sight: rule.context }
            }
        };
    }
    let Some(caller) = callers(frame).pop() else { return Due::Nothing };
    let member = &frame.room.members[caller];
    if may_speak.contains(&caller) {
        let reason = format!("back to {member}, who had handed over");
        return Due::To { speaker: caller, reason, sight: Sight::All };
    }
    Due::Refused(format!("{member} had handed over and may not speak now"))
}

/// The name somebody handed over to: that of a tool they called, or on their last line.
pub(crate) fn wanted<'a>(turn: &'a Turn<'_>) -> Option<&'a str> {
    let tool = turn.tools.iter().find_map(|tool| TOOLS.iter().find_map(|t| tool.strip_prefix(t)));
    tool.or_else(|| {
        let line = turn.text.lines().rev().find(|line| !line.trim().is_empty())?;
        let line = line.trim_matches(|c: char| c.is_whitespace() || "*_`#".contains(c));
        let start = line.get(..MARK.len())?;
        let name = line[MARK.len()..].trim_matches(|c: char| !c.is_alphanumeric());
        (start.eq_ignore_ascii_case(MARK) && !name.is_empty()).then_some(name)
    })
}

/// The member whom a turn names, and the leave for it.
fn allowed<'a>(frame: &Frame<'a>, turn: &Turn<'_>) -> Option<(usize, &'a Handoff)> {
    let to = frame.called(wanted(turn)?)?;
    let target = &frame.room.members[to];
    let rule = |rule: &&Handoff| rule.from == turn.member && rule.to.contains(target);
    Some((to, frame.room.handoffs.iter().find(rule)?))
}

/// Those who wait for the word to come back; a handoff without return waits for nobody. Whenever
/// somebody else speaks than whose turn it was, nobody waits any longer.
fn callers(frame: &Frame<'_>) -> Vec<usize> {
    let mut waiting: Vec<usize> = Vec::new();
    for pair in frame.turns.windows(2) {
        let [before, after] = pair else { continue };
        let handed = allowed(frame, before).filter(|(to, _)| *to == after.speaker);
        let back = waiting.last().copied();
        match handed {
            Some((_, rule)) if rule.back => waiting.push(before.speaker),
            // Whoever was called may pass the word on: it still goes back to the first.
            Some(_) => {}
            None if wanted(before).is_none() && back == Some(after.speaker) => {
                waiting.pop();
            }
            None => waiting.clear(),
        }
    }
    waiting
}
