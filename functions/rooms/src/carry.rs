//! What is carried out of a room that is over.

use serde_json::{Map, Value};

use crate::frame::{Frame, Turn};
use crate::inner::Carry;
use crate::ledger::object;

const LONGEST_FIELD: usize = 2_000;

pub(crate) fn out(frame: &Frame<'_>) -> String {
    let last = || frame.turns.last().map(|turn| turn.text.to_string()).unwrap_or_default();
    let closing = frame.closing.as_ref().map(|turn| turn.text.as_ref());
    match frame.carry {
        Carry::Last => last(),
        // A room that was cut short has no closing turn.
        Carry::Summary => closing.map_or_else(last, str::to_owned),
        Carry::Selected { by, contains, most } => {
            let wanted = contains.as_ref().map(|text| text.to_lowercase());
            let fits = |turn: &&Turn<'_>| {
                by.as_ref().is_none_or(|by| by == turn.member)
                    && wanted.as_ref().is_none_or(|w| turn.text.to_lowercase().contains(w))
            };
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            let mut lines: Vec<_> = frame.turns.iter().rev().filter(fits).take(most).collect();
            lines.reverse();
            let line = |turn: &Turn<'_>| format!("{}: {}", turn.member, turn.text.trim());
            lines.into_iter().map(line).collect::<Vec<_>>().join("\n\n")
        }
        Carry::Structured { fields } => {
            let given = closing.and_then(object);
            let value = |field: &String| {
                let value = given.as_ref().map_or(&Value::Null, |given| &given[field]);
                let long = value.as_str().is_none_or(|text| text.len() > LONGEST_FIELD)
                    && value.to_string().len() > LONGEST_FIELD;
                (field.clone(), if long { Value::Null } else { value.clone() })
            };
            Value::Object(fields.iter().map(value).collect::<Map<_, _>>()).to_string()
        }
    }
}
