//! When a room closes.

use jiff::Timestamp;

use crate::meeting::{Meeting, Said};
use crate::model::Condition;
use crate::rule::{self, Facts};

/// Why the room is over after what was said, if it is.
pub(crate) fn over(meeting: &Meeting<'_>, planned: usize, now: Timestamp) -> Option<String> {
    let taken = &meeting.said;
    if taken.len() >= planned {
        return Some(format!("{planned} turns were taken"));
    }
    // Before anybody spoke nothing has come about.
    if taken.is_empty() {
        return None;
    }
    let condition = meeting.room.until.as_ref()?;
    holds(condition, meeting, &Facts::of(meeting, now))
}

fn holds(condition: &Condition, meeting: &Meeting<'_>, facts: &Facts) -> Option<String> {
    let members = &meeting.room.members;
    let reached = |what: bool, why: String| what.then_some(why);
    match condition {
        Condition::Text(text) => {
            let wanted = text.contains.to_lowercase();
            let by = |said: &&Said| match &text.by {
                Some(by) => members.get(said.speaker) == Some(by),
                None => true,
            };
            let said =
                meeting.said.iter().filter(by).find(|s| s.text.to_lowercase().contains(&wanted))?;
            let who = members.get(said.speaker).map_or("somebody", String::as_str);
            Some(format!("{who} said `{}`", text.contains))
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
            let whys: Option<Vec<_>> =
                parts.iter().map(|part| holds(part, meeting, facts)).collect();
            whys.filter(|whys| !whys.is_empty()).map(|whys| whys.join(" and "))
        }
        Condition::Any(parts) => parts.iter().find_map(|part| holds(part, meeting, facts)),
    }
}
