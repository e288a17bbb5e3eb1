//! Reads along with a run, for all its readers in this process.

use std::sync::Arc;
use std::time::Duration;

use shared::redis::stream::{Listener, Mark};
use shared::{App, Result};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::entry::{Entry, key};
use super::hub::Shown;
use crate::queries::live;

/// Between two looks at the record: soon after something happened, ever more seldom in a silence.
const SOON: Duration = Duration::from_millis(40);
const SELDOM: Duration = Duration::from_secs(1);
/// When Redis is gone, until it is tried again.
const REST: Duration = Duration::from_secs(1);
/// Events at a time.
const PAGE: usize = 32;

struct Follower {
    app: App,
    tenant: Uuid,
    run: Uuid,
    shown: Arc<Shown>,
    /// The steps' places, in the order of `marks`.
    places: Vec<i32>,
    marks: Vec<Mark>,
    listener: Option<Listener>,
    /// When Redis is tried again.
    again: Instant,
    pause: Duration,
    look: Instant,
}

/// Until the run is over. Whoever has no more readers ends it before.
pub(super) async fn follow(app: App, tenant: Uuid, run: Uuid, shown: Arc<Shown>) {
    let now = Instant::now();
    let mut follower = Follower {
        app,
        tenant,
        run,
        shown,
        places: Vec::new(),
        marks: Vec::new(),
        listener: None,
        again: now,
        pause: SOON,
        look: now,
    };
    while !follower.shown.lock().is_over() {
        let entries = follower.wait().await;
        let told = entries.iter().any(|(_, entry)| !matches!(entry, Entry::Said { .. }));
        let mut changed = false;
        if told || Instant::now() >= follower.look {
            match follower.news().await {
                Ok(found) => changed = found,
                // Texts go on; what they must come after is tried for again.
                Err(error) => {
                    error.log();
                    follower.forget();
                    sleep(REST).await;
                    continue;
                }
            }
            follower.pace(told || changed);
        }
        changed |= follower.apply(entries);
        if changed {
            follower.shown.tell_all();
        }
    }
}

impl Follower {
    /// What workers told meanwhile; at the latest when it is time to look at the record.
    async fn wait(&mut self) -> Vec<(usize, Entry)> {
        if self.listener.is_none() && Instant::now() >= self.again {
            self.connect().await;
        }
        let left = self.look.saturating_duration_since(Instant::now());
        let wait = left.max(Duration::from_millis(1));
        let Some(listener) = &mut self.listener else {
            sleep(wait).await;
            return Vec::new();
        };
        let Ok(read) = listener.read(&mut self.marks, Some(wait)).await else {
            self.listener = None;
            self.again = Instant::now() + REST;
            return Vec::new();
        };
        parsed(read)
    }

    /// From the beginning of what is there: what was known before may be lost.
    async fn connect(&mut self) {
        self.again = Instant::now() + REST;
        let Ok(redis) = self.app.redis() else { return };
        let Ok(listener) = redis.listener().await else { return };
        self.forget();
        self.listener = Some(listener);
    }

    /// Every text is put together anew.
    fn forget(&mut self) {
        let mut state = self.shown.lock();
        self.places = state.tracks.keys().copied().collect();
        let mark = |step: &str| Mark::at_its_beginning(key(self.tenant, self.run, step));
        self.marks = state.tracks.values().map(|track| mark(&track.id)).collect();
        state.tracks.values_mut().for_each(|track| track.hot = None);
    }

    /// Everything that was put on record since. True if something was.
    async fn news(&self) -> Result<bool> {
        let mut found = false;
        loop {
            let after = self.shown.lock().last();
            let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let told = self
                .app
                .db()?
                .tenant(self.tenant, async |tx| live::told(tx, self.run, after, most).await);
            let told = told.await?;
            let whole = told.len() < PAGE;
            found |= !told.is_empty();
            let mut state = self.shown.lock();
            for told in told {
                state.add(told);
            }
            if whole {
                return Ok(found);
            }
        }
    }

    fn apply(&self, entries: Vec<(usize, Entry)>) -> bool {
        let mut state = self.shown.lock();
        let mut changed = false;
        for (at, entry) in entries {
            let place = self.places.get(at);
            if let Some(track) = place.and_then(|place| state.tracks.get_mut(place)) {
                changed |= track.apply(entry);
            }
        }
        changed
    }

    fn pace(&mut self, news: bool) {
        self.pause = if news { SOON } else { (self.pause * 2).min(SELDOM) };
        self.look = Instant::now() + self.pause;
    }
}

/// What cannot be read was written by another version of us: its text comes from the record.
fn parsed(read: Vec<(usize, String)>) -> Vec<(usize, Entry)> {
    let entry = |(at, text): (usize, String)| Some((at, serde_json::from_str(&text).ok()?));
    read.into_iter().filter_map(entry).collect()
}
