//! One reader: where they are, and what they are sent next. Pure: it is handed the record's events in
//! their order, and texts under way; it writes server-sent events.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::hot::{Hot, Track};
use super::position::{Open, Position};
use super::told::{StreamEnd, Told, TurnBegan, TurnReset, TurnText};

/// The longest piece of text in one event: a cut costs less than this.
const LONGEST_PIECE: usize = 16 * 1024;

/// A run's steps by their place in its workflow.
pub type Steps = BTreeMap<i32, String>;

pub struct Reader {
    position: Position,
    /// The run's steps by their place.
    steps: Arc<Steps>,
    /// Whose text of a step was found to fit.
    following: BTreeMap<i32, (i64, u32)>,
    out: String,
    over: bool,
}

/// A turn, whoever knows of it.
#[derive(Clone, Copy)]
struct Turn<'a> {
    place: i32,
    number: i32,
    step: &'a str,
    conversation: Uuid,
    speaker: &'a str,
    reason: &'a str,
}

impl Reader {
    pub fn at(mut position: Position, steps: Arc<Steps>) -> Self {
        position.open.retain(|place, _| steps.contains_key(place));
        Self { position, steps, following: BTreeMap::new(), out: String::new(), over: false }
    }

    /// The last event that they have.
    pub fn after(&self) -> i64 {
        self.position.after
    }

    /// They have been told that the run is over.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// What is to be sent; `None` if there is nothing.
    pub fn take(&mut self) -> Option<String> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    /// The next event of the record.
    pub fn event(&mut self, told: &Told) {
        let event = &told.event;
        if let (Some(place), Some(text)) = (told.place, told.text.as_deref()) {
            self.taken(told, place, text);
            self.position.open.remove(&place);
            self.following.remove(&place);
        }
        if outcome(&event.kind).is_some() {
            for place in self.position.open.keys().copied().collect::<Vec<_>>() {
                self.reset(place, "dropped");
            }
        }
        self.position.after = event.sequence;
        let kind = event.kind.clone();
        self.frame(&kind, event);
    }

    /// The run is over, and all of it was sent.
    pub fn end(&mut self, kind: &str) {
        if let Some(state) = outcome(kind).filter(|_| !self.over) {
            self.frame("end", &StreamEnd { state });
            self.over = true;
        }
    }

    /// A text under way, for one who has all events so far.
    pub fn hot(&mut self, place: i32, track: &Track) {
        let Some(hot) = &track.hot else { return };
        let began = &hot.began;
        let turn = Turn {
            place,
            number: began.turn,
            step: &track.id,
            conversation: began.conversation_id,
            speaker: &began.speaker,
            reason: &began.reason,
        };
        if self.fits(turn, hot) {
            self.begin(turn);
            self.following.insert(place, hot.attempt());
            self.rest(turn, &hot.text);
        }
    }

    /// Whether to go on with this text. Not yet, as long as it is too short to tell whether what was
    /// sent is of it.
    fn fits(&mut self, turn: Turn<'_>, hot: &Hot) -> bool {
        let Some(open) = self.position.open.get(&turn.place).copied() else { return true };
        let fits = match self.following.get(&turn.place) {
            _ if open.turn != turn.number => Some(false),
            // The one that was followed until now: another try is another text.
            Some(attempt) if *attempt == hot.attempt() => {
                (hot.text.len() >= open.sent).then_some(true)
            }
            Some((fence, _)) if open.sent == 0 => Some(*fence == hot.began.fence),
            Some(_) => Some(false),
            None => open.fits(&hot.text),
        };
        if fits == Some(false) {
            self.reset(turn.place, "retried");
        }
        fits.is_some()
    }

    /// A turn that is on record: the rest of its text, or all of it.
    fn taken(&mut self, told: &Told, place: i32, text: &str) {
        let data = &told.event.data;
        let field = |name: &str| data[name].as_str().unwrap_or_default();
        let turn = Turn {
            place,
            number: data["turn"].as_i64().and_then(|turn| turn.try_into().ok()).unwrap_or_default(),
            step: told.event.step_id.as_deref().unwrap_or_default(),
            conversation: field("conversation_id").parse().unwrap_or_default(),
            speaker: field("speaker"),
            reason: field("reason"),
        };
        let open = self.position.open.get(&place);
        let fits = |open: &Open| open.turn == turn.number && open.fits(text) == Some(true);
        if open.is_some_and(|open| !fits(open)) {
            self.reset(place, "retried");
        }
        self.begin(turn);
        self.rest(turn, text);
    }

    fn begin(&mut self, turn: Turn<'_>) {
        let Turn { place, number, step, conversation, speaker, reason } = turn;
        if self.position.open.contains_key(&place) {
            return;
        }
        self.position.open.insert(place, Open::new(number));
        let began = TurnBegan {
            step_id: step,
            conversation_id: conversation,
            turn: number,
            speaker,
            reason,
        };
        self.frame("turn.began", &began);
    }

    fn rest(&mut self, turn: Turn<'_>, text: &str) {
        loop {
            let Some(open) = self.position.open.get_mut(&turn.place) else { return };
            let offset = open.sent;
            let rest = text.get(offset..).unwrap_or_default();
            if rest.is_empty() {
                return;
            }
            let piece = &rest[..rest.floor_char_boundary(LONGEST_PIECE)];
            open.send(piece);
            let said = TurnText { step_id: turn.step, turn: turn.number, offset, text: piece };
            self.frame("turn.text", &said);
        }
    }

    fn reset(&mut self, place: i32, why: &str) {
        self.following.remove(&place);
        let Some(open) = self.position.open.remove(&place) else { return };
        let steps = Arc::clone(&self.steps);
        let step_id = steps.get(&place).map(String::as_str).unwrap_or_default();
        let reset = TurnReset { step_id, turn: open.turn, why };
        self.frame("turn.reset", &reset);
    }

    fn frame(&mut self, event: &str, data: &impl Serialize) {
        // What we serialize has no keys that are not text; and writing to a String cannot fail.
        let data = serde_json::to_string(data).unwrap_or_default();
        let _ = write!(self.out, "id: {}\nevent: {event}\ndata: {data}\n\n", self.position);
    }
}

/// How the run ended, if this is the event that says so.
pub fn outcome(kind: &str) -> Option<&str> {
    let state = kind.strip_prefix("run.")?;
    ["succeeded", "failed", "cancelled"].contains(&state).then_some(state)
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
