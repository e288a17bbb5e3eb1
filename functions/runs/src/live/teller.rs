//! A worker's side: what the model says goes to those who follow, in pieces, while the call goes on.
//! It never keeps a turn waiting and never fails it: without Redis nobody is told, until it is on
//! record.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::App;
use shared::llm::{Completion, Llm, Prompt};
use shared::redis::stream::Kept;
use shared::redis::{Gone, Key, Redis};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::entry::{Began, Entry, KEPT, key};
use crate::turn::Work;

/// A turn that is over by then was not worth announcing.
const AT_ONCE: Duration = Duration::from_millis(50);
/// Between two pieces: the first goes at once, what comes meanwhile goes together.
const PACE: Duration = Duration::from_millis(60);
/// When Redis is gone, until it is tried again.
const REST: Duration = Duration::from_secs(1);

pub struct Teller {
    redis: Option<&'static Redis>,
    key: Key,
    began: Began,
    kept: Kept,
    heard: Mutex<Heard>,
    more: Notify,
}

/// What the model said, and how much of it was told.
#[derive(Default)]
struct Heard {
    announced: bool,
    call: u32,
    /// Bytes of the text as it comes that were looked at.
    seen: usize,
    /// Bytes of the text as it will be on record that were told.
    told: usize,
    /// What comes after those.
    waiting: String,
}

impl Teller {
    pub fn new(app: App, work: &Work, began: Began) -> Self {
        Self {
            redis: app.redis().ok(),
            key: key(work.run.tenant_id, work.run.run_id, &work.step_id),
            began,
            kept: KEPT,
            heard: Mutex::default(),
            more: Notify::new(),
        }
    }

    /// The call, and beside it, for as long as it takes, the telling.
    pub async fn complete(&self, llm: &Llm, prompt: &Prompt) -> shared::Result<Completion> {
        let heard = |call: u32, text: &str| self.hear(call, text);
        tokio::select! {
            biased;
            completion = llm.complete_paid_once(prompt, &heard) => completion,
            () = self.tell() => Err(shared::Error::Internal(anyhow::anyhow!("telling has no end"))),
        }
    }

    /// To be waited for beside the record: whoever follows looks there for the rest.
    pub async fn recording(&self) {
        let announced = self.heard.lock().unwrap_or_else(PoisonError::into_inner).announced;
        if announced {
            let _ = self.append(&Entry::Recording { turn: self.began.turn }, false).await;
        }
    }

    fn hear(&self, call: u32, text: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.hear(call, text) {
            self.more.notify_one();
        }
    }

    async fn tell(&self) {
        let _ = timeout(AT_ONCE, self.more.notified()).await;
        while self.append(&Entry::Began(self.began.clone()), true).await.is_err() {
            sleep(REST).await;
        }
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).announced = true;
        // What came before the announcement has used up its notice.
        self.more.notify_one();
        loop {
            self.more.notified().await;
            let pause = if self.piece().await.is_ok() { PACE } else { REST };
            sleep(pause).await;
        }
    }

    async fn piece(&self) -> Result<(), Gone> {
        let said = self.heard.lock().unwrap_or_else(PoisonError::into_inner).piece();
        let Some((call, offset, text)) = said else { return Ok(()) };
        let told = text.len();
        let Began { turn, fence, .. } = self.began;
        let sent = self.append(&Entry::Said { turn, fence, call, offset, text }, false).await;
        if sent.is_ok() {
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).was_told(call, told);
        } else {
            // It stays, and goes with the next.
            self.more.notify_one();
        }
        sent
    }

    async fn append(&self, entry: &Entry, anew: bool) -> Result<(), Gone> {
        let redis = self.redis.ok_or(Gone)?;
        let entry = serde_json::to_string(entry).map_err(|_| Gone)?;
        redis.append(&self.key, &entry, anew, self.kept).await
    }
}

impl Heard {
    /// Takes in what is new of the text so far: as it will be on record, so without what surrounds
    /// it and without NUL. True if something is to be told.
    fn hear(&mut self, call: u32, text: &str) -> bool {
        if call != self.call {
            *self = Self { announced: self.announced, call, ..Self::default() };
        }
        let text = text.trim_end();
        if self.seen == 0 {
            self.seen = text.len() - text.trim_start().len();
        }
        let Some(new) = text.get(self.seen..).filter(|new| !new.is_empty()) else { return false };
        self.waiting.extend(new.chars().filter(|letter| *letter != '\0'));
        self.seen = text.len();
        !self.waiting.is_empty()
    }

    fn piece(&self) -> Option<(u32, usize, String)> {
        let new = !self.waiting.is_empty();
        new.then(|| (self.call, self.told, self.waiting.clone()))
    }

    /// Unless the text has begun anew meanwhile.
    fn was_told(&mut self, call: u32, bytes: usize) {
        if call == self.call {
            self.told += bytes;
            self.waiting.drain(..bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Heard;

    proptest! {
        /// Whatever the pieces, what is told is the beginning of what will be on record.
        #[test]
        fn what_is_told_is_what_will_be_on_record(
            text in "[ \n\0a-c\u{e9}]{0,60}", cuts in prop::collection::vec(0..60_usize, 0..12),
            calls in 1..3_u32
        ) {
            let mut heard = Heard::default();
            let record = text.trim().replace('\0', "");
            for call in 1..=calls {
                let mut told = String::new();
                let mut cuts = cuts.clone();
                cuts.sort_unstable();
                for cut in cuts.into_iter().chain([text.len()]) {
                    heard.hear(call, &text[..text.floor_char_boundary(cut)]);
                    if let Some((of, offset, piece)) = heard.piece() {
                        prop_assert_eq!((of, offset), (call, told.len()));
                        heard.was_told(of, piece.len());
                        told.push_str(&piece);
                        prop_assert!(record.starts_with(&told), "{:?} of {:?}", told, record);
                    }
                }
                prop_assert_eq!(&told, &record);
            }
        }
    }
}
