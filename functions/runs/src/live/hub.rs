//! All who follow one run in this process: one of them reads, and everybody is told.
//!
//! What workers tell comes over a connection that waits. When they say that something was put on
//! record, and now and then anyway, the record is read. A text under way is shown only after every
//! event that was on record when its turn began: so whoever reads along sees things in their order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use shared::{App, Result};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::follower;
use super::hot::Track;
use super::reader::{Reader, Steps, outcome};
use super::told::Told;
use crate::queries::live;

/// The newest events, for those who are almost there; others read the record themselves.
const RECENT: usize = 64;
/// Bytes of their texts.
const RECENT_TEXT: usize = 4 * 1024 * 1024;

type Run = (usize, Uuid, Uuid);

static HUBS: LazyLock<Mutex<HashMap<Run, Weak<Hub>>>> = LazyLock::new(Mutex::default);

/// Ends its reading when the last of its readers has gone.
pub struct Hub {
    pub steps: Arc<Steps>,
    shown: Arc<Shown>,
    task: AbortHandle,
}

/// What readers see.
pub(super) struct Shown {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

pub(super) struct State {
    /// The event before the first of `recent`.
    before: i64,
    recent: VecDeque<Arc<Told>>,
    text: usize,
    pub(super) tracks: BTreeMap<i32, Track>,
    /// The kind of the run's last event, once it is over.
    ended: Option<String>,
}

impl Hub {
    /// The one that is there, or a new one.
    pub async fn of(app: App, tenant: Uuid, run: Uuid) -> Result<Arc<Self>> {
        let name = (app.id(), tenant, run);
        let there = lock(&HUBS).get(&name).and_then(Weak::upgrade);
        if let Some(there) = there {
            return Ok(there);
        }
        let begun = app.db()?.tenant(tenant, async |tx| {
            let (last, tracks) = live::stands(tx, run).await?;
            // A run that has ended tells nothing more: what was its last event?
            let ended = live::told(tx, run, last - 1, 1).await?;
            Ok((last, tracks, ended))
        });
        let (last, tracks, ended) = begun.await?;
        let ended = ended.first().map(|told| told.event.kind.clone());
        let ended = ended.filter(|kind| outcome(kind).is_some());
        let steps = tracks.iter().map(|(place, track)| (*place, track.id.clone())).collect();
        let state = State {
            before: last,
            recent: VecDeque::new(),
            text: 0,
            tracks: tracks.into_iter().collect(),
            ended,
        };
        let shown = Arc::new(Shown { state: Mutex::new(state), changed: watch::Sender::default() });
        let mut hubs = lock(&HUBS);
        // Somebody else may have been as quick.
        if let Some(there) = hubs.get(&name).and_then(Weak::upgrade) {
            return Ok(there);
        }
        let following = follower::follow(app, tenant, run, Arc::clone(&shown));
        let task = begin(following);
        let hub = Arc::new(Self { steps: Arc::new(steps), shown, task });
        hubs.retain(|_, hub| hub.strong_count() > 0);
        hubs.insert(name, Arc::downgrade(&hub));
        Ok(hub)
    }

    /// To be taken before what is shown is looked at: then nothing is missed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.shown.changed.subscribe()
    }

    /// Tells a reader what is new to them. False when they are too far behind: they must read the
    /// record by themselves.
    pub fn tell(&self, reader: &mut Reader) -> bool {
        let state = self.shown.lock();
        if reader.after() < state.before {
            return false;
        }
        for told in &state.recent {
            if told.event.sequence > reader.after() {
                reader.event(told);
            }
        }
        // One who came from elsewhere may know more than we do yet: texts under way are older then.
        match &state.ended {
            _ if reader.after() > state.last() => {}
            Some(kind) => reader.end(kind),
            None => state.tracks.iter().for_each(|(place, track)| reader.hot(*place, track)),
        }
        true
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shown {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn tell_all(&self) {
        self.changed.send_replace(());
    }
}

impl State {
    /// The last event that is shown.
    pub(super) fn last(&self) -> i64 {
        self.recent.back().map_or(self.before, |told| told.event.sequence)
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn add(&mut self, told: Told) {
        let event = &told.event;
        if let (Some(place), "turn.taken") = (told.place, event.kind.as_str()) {
            let turn = event.data["turn"].as_i64().and_then(|turn| turn.try_into().ok());
            if let Some(track) = self.tracks.get_mut(&place) {
                track.taken(turn.unwrap_or_default());
            }
        }
        if outcome(&event.kind).is_some() {
            self.ended = Some(event.kind.clone());
        }
        self.text += told.text.as_ref().map_or(0, String::len);
        self.recent.push_back(Arc::new(told));
        while self.recent.len() > RECENT || (self.text > RECENT_TEXT && self.recent.len() > 1) {
            let Some(oldest) = self.recent.pop_front() else { return };
            self.before = oldest.event.sequence;
            self.text -= oldest.text.as_ref().map_or(0, String::len);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "it lives as long as somebody reads, and an answer that streams keeps its sandbox awake"
)]
fn begin(following: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(following).abort_handle()
}
