//! The turn of a step that is under way, put together from what its worker tells. Pure.

use super::entry::{Began, Entry};

/// A step of a run, as those who follow it know it.
#[derive(Clone, Debug)]
pub struct Track {
    pub id: String,
    /// Turns on record.
    pub done: i32,
    pub hot: Option<Hot>,
}

/// A turn that is not on record yet, and its text as far as it is known.
#[derive(Clone, Debug)]
pub struct Hot {
    pub began: Began,
    pub call: u32,
    pub text: String,
    /// Something of the text was lost on the way: the rest comes from the record.
    torn: bool,
}

impl Hot {
    /// What is told under another number is another text.
    pub fn attempt(&self) -> (i64, u32) {
        (self.began.fence, self.call)
    }
}

impl Track {
    /// True if there is something new to tell. The record must have been read after the entry was:
    /// a turn begins when the one before is there.
    pub fn apply(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::Began(began) => {
                let newer = self.hot.as_ref().is_none_or(|hot| hot.began.fence < began.fence);
                let next = began.turn == self.done + 1 && newer;
                if next {
                    self.hot = Some(Hot { began, call: 1, text: String::new(), torn: false });
                }
                next
            }
            Entry::Said { turn, fence, call, offset, text } => {
                let hot = self.hot.as_mut();
                let own = hot.filter(|hot| hot.began.turn == turn && hot.began.fence == fence);
                own.is_some_and(|hot| hot.hear(call, offset, &text))
            }
            Entry::Recording { .. } => false,
        }
    }

    /// Its turn is on record.
    pub fn taken(&mut self, turn: i32) {
        self.done = self.done.max(turn);
        self.hot.take_if(|hot| hot.began.turn <= turn);
    }
}

impl Hot {
    fn hear(&mut self, call: u32, offset: usize, text: &str) -> bool {
        if call < self.call {
            return false;
        }
        if call > self.call {
            self.call = call;
            self.text.clear();
            self.torn = false;
        }
        self.torn |= offset > self.text.len();
        if self.torn {
            return false;
        }
        // A piece may have been told twice, when nobody knew whether the first time was heard.
        let new = text.get(self.text.len() - offset..).unwrap_or_default();
        self.text.push_str(new);
        !new.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Began, Entry};
    use super::Track;

    fn track(done: i32) -> Track {
        Track { id: "talk".into(), done, hot: None }
    }

    fn began(turn: i32, fence: i64) -> Entry {
        let (speaker, reason) = ("ann".to_owned(), "next".to_owned());
        Entry::Began(Began { turn, fence, conversation_id: uuid::Uuid::nil(), speaker, reason })
    }

    fn said(fence: i64, call: u32, offset: usize, text: &str) -> Entry {
        Entry::Said { turn: 1, fence, call, offset, text: text.into() }
    }

    fn text(track: &Track) -> &str {
        &track.hot.as_ref().expect("a turn under way").text
    }

    #[test]
    fn pieces_become_the_text_however_often_they_are_told() {
        let mut track = track(0);
        assert!(track.apply(began(1, 7)));
        assert!(track.apply(said(7, 1, 0, "caf\u{e9} ")));
        assert!(!track.apply(said(7, 1, 0, "caf\u{e9} ")));
        assert!(track.apply(said(7, 1, 0, "caf\u{e9} noir")));
        assert_eq!(text(&track), "caf\u{e9} noir");
    }

    #[test]
    fn what_was_lost_on_the_way_is_not_made_up() {
        let mut track = track(0);
        track.apply(began(1, 7));
        track.apply(said(7, 1, 0, "one "));
        assert!(!track.apply(said(7, 1, 8, "three ")));
        assert!(!track.apply(said(7, 1, 4, "two ")), "once torn, torn");
        assert_eq!(text(&track), "one ");
        assert!(track.apply(said(7, 2, 0, "again")), "another call is whole");
        assert_eq!(text(&track), "again");
    }

    #[test]
    fn a_worker_that_lost_its_lease_is_not_heard() {
        let mut track = track(0);
        track.apply(began(1, 7));
        assert!(track.apply(began(1, 9)));
        assert!(!track.apply(said(7, 1, 0, "old")));
        assert!(!track.apply(began(1, 7)));
        assert!(track.apply(said(9, 1, 0, "new")));
        assert_eq!(text(&track), "new");
    }

    #[test]
    fn a_turn_on_record_is_over_and_does_not_come_back() {
        let mut track = track(0);
        track.apply(began(1, 7));
        track.taken(1);
        assert!(track.hot.is_none());
        assert!(!track.apply(began(1, 8)) && !track.apply(said(7, 1, 0, "late")));
        assert!(track.apply(began(2, 9)));
    }
}
