//! When a room closes.

use jiff::Timestamp;

use crate::frame::{Frame, Turn};
use crate::handoff;
use crate::likeness::{Bag, agreement, position};
use crate::loops;
use crate::model::Condition;
use crate::rule::{self, Facts};

/// Why the room is over after what was said, if it is.
pub(crate) fn over(frame: &Frame<'_>, now: Timestamp) -> Option<String> {
    // Before anything was said nothing has come about; but a room within may have spent what this
    // one had.
    if frame.turns.is_empty() && frame.open.is_none() {
        return None;
    }
    let planned = usize::try_from(frame.room.turns).unwrap_or(usize::MAX);
    if frame.turns.len() >= planned {
        return Some(format!("{planned} turns were taken"));
    }
    if frame.room.stop_loops
        && let Some(since) = loops::since(&frame.texts())
    {
        return Some(format!("since turn {} it goes in circles", since + 1));
    }
    holds(frame.room.until.as_ref()?, frame, &Facts::of(frame, now))
}

fn holds(condition: &Condition, frame: &Frame<'_>, facts: &Facts) -> Option<String> {
    let reached = |what: bool, why: String| what.then_some(why);
    match condition {
        Condition::Text(text) => {
            let wanted = text.contains.to_lowercase();
            let by = |turn: &&Turn<'_>| text.by.as_ref().is_none_or(|by| by == turn.member);
            let mut said = frame.turns.iter().filter(by);
            let turn = said.find(|turn| turn.text.to_lowercase().contains(&wanted))?;
            Some(format!("{} said `{}`", turn.member, text.contains))
        }
        Condition::Handoff { to } => frame.turns.iter().find_map(|turn| {
            let name = handoff::wanted(turn)?;
            let same = |to: &String| {
                to.eq_ignore_ascii_case(name)
                    || frame.called(name).is_some_and(|of| frame.room.members[of] == *to)
            };
            let fits = to.as_ref().is_none_or(same);
            fits.then(|| format!("{} handed over to {name:.80}", turn.member))
        }),
        Condition::Function(name) => {
            let called = |turn: &&Turn<'_>| turn.tools.contains(name);
            let turn = frame.turns.iter().find(called)?;
            Some(format!("{} called `{name}`", turn.member))
        }
        Condition::Agreement(percent) => {
            let newest: Option<Vec<_>> = frame.positions().into_iter().collect();
            let bags: Vec<Bag> = newest?.into_iter().map(|text| Bag::of(position(text))).collect();
            let reached = agreement(&bags).filter(|found| found >= percent)?;
            Some(format!("what everybody said last is alike by {reached} percent"))
        }
        Condition::Turns(turns) => {
            reached(facts.turn >= i64::from(*turns), format!("{turns} turns were taken"))
        }
        Condition::Tokens(most) => {
            reached(facts.tokens >= *most, format!("{} tokens were used", facts.tokens))
        }
        Condition::CostMicros(most) => {
            let spent = facts.cost_micros;
            reached(spent >= *most, format!("{spent} millionths of a dollar were spent"))
        }
        Condition::Seconds(most) => {
            reached(facts.seconds >= *most, format!("{} seconds have passed", facts.seconds))
        }
        Condition::EachSpoke(times) => {
            let enough = |count: &i64| *count >= i64::from(*times);
            reached(
                facts.spoken.iter().all(|(_, count)| enough(count)),
                format!("everybody spoke {times} times"),
            )
        }
        // One that cannot be worked out does not hold; `turns` ends the room all the same.
        Condition::Rule(expression) => {
            reached(rule::holds(expression, facts) == Ok(true), format!("`{expression}` holds"))
        }
        Condition::All(parts) => {
            let whys: Option<Vec<_>> = parts.iter().map(|part| holds(part, frame, facts)).collect();
            whys.filter(|whys| !whys.is_empty()).map(|whys| whys.join(" and "))
        }
        Condition::Any(parts) => parts.iter().find_map(|part| holds(part, frame, facts)),
    }
}
