//! An issuer's keys, kept: fetched by one for all, ahead of time, and never in anybody's way.
//!
//! A fetch is a future that all who need it share. It holds no lock, and whoever knows their key
//! does not wait for it. Nothing is spawned: a Lambda stops between two events.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use jsonwebtoken::DecodingKey;
use tokio::time::timeout;

use super::AuthError;
use super::clock::Clock;
use super::fetch::Fetch;
use super::jwk::KeySet;

/// A key that the issuer revoked is gone after this.
const LIVES: Duration = Duration::from_mins(10);
/// Four fifths of it: from here on somebody fetches while all go on.
const AHEAD: Duration = Duration::from_mins(8);
/// How long old keys serve while the issuer is away.
const STALE: Duration = Duration::from_hours(24);
/// Between two fetches that nobody would die without.
const APART: Duration = Duration::from_secs(30);
/// At most so many fetches in a minute, whatever happens.
const MOST_A_MINUTE: usize = 10;
const FETCH: Duration = Duration::from_secs(5);
/// How long somebody who knows their key waits for a newer set: who fetches it ahead of time, and
/// anybody when the one at hand is too old.
const COURTESY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(1);
/// Key ids that are known to be nobody's, for how long, and how many.
const UNKNOWN_LIVES: Duration = Duration::from_mins(1);
const MOST_UNKNOWN: usize = 1000;

pub(super) struct Keys(Arc<Inner>);

struct Inner {
    url: String,
    clock: Arc<dyn Clock>,
    fetch: Arc<dyn Fetch>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    set: Option<Arc<KeySet>>,
    /// When the set was fetched.
    at: Duration,
    flight: Option<Flight>,
    /// When the last ten fetches began.
    begun: VecDeque<Duration>,
    /// Whether the last fetch brought nothing, or is taking too long.
    failing: bool,
    unknown: HashMap<String, Duration>,
}

type Flight = Shared<BoxFuture<'static, ()>>;
type Key = Arc<DecodingKey>;

/// What the state says of a key id, before anybody waits.
enum Found {
    Known(Key),
    /// Known; and a newer set may be on its way, for which it is worth waiting so long.
    Refreshing(Key, Flight, Duration),
    /// Only the flight can tell.
    Waiting(Flight),
    Refused(AuthError),
}

impl Keys {
    pub(super) fn new(url: String, clock: Arc<dyn Clock>, fetch: Arc<dyn Fetch>) -> Self {
        Self(Arc::new(Inner { url, clock, fetch, state: Mutex::default() }))
    }

    pub(super) async fn key(&self, id: &str) -> Result<Key, AuthError> {
        match self.0.find(id) {
            Found::Known(key) => Ok(key),
            Found::Refused(reason) => Err(reason),
            Found::Refreshing(key, flight, patience) => {
                if patience.is_zero() {
                    let _ = flight.now_or_never();
                } else if timeout(patience, flight).await.is_err() {
                    self.0.state().failing = true;
                }
                // The newer set, if there is one, decides: it may have revoked the key.
                self.0.settled(id, Some(key))
            }
            Found::Waiting(flight) => {
                flight.await;
                self.0.settled(id, None)
            }
        }
    }
}

impl Inner {
    /// Held for a few look-ups, and never across a wait.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(self: &Arc<Self>, id: &str) -> Found {
        let now = self.clock.steady();
        let mut state = self.state();
        let age = now.saturating_sub(state.at);
        let Some(set) = state.set.clone().filter(|_| age < STALE) else {
            return match self.flight(&mut state, now, Duration::ZERO) {
                Some((flight, _)) => Found::Waiting(flight),
                None => Found::Refused(AuthError::KeysUnavailable),
            };
        };
        let Some(key) = set.get(id) else {
            if state.is_unknown(id, now) {
                return Found::Refused(AuthError::UnknownKey);
            }
            return match self.flight(&mut state, now, APART) {
                Some((flight, _)) => Found::Waiting(flight),
                None => Found::Refused(state.unknown(id, now)),
            };
        };
        if age < AHEAD {
            return Found::Known(key);
        }
        let waits = age >= LIVES && !state.failing;
        match self.flight(&mut state, now, APART) {
            Some((flight, _)) if waits => Found::Refreshing(key, flight, PATIENCE),
            Some((flight, true)) => Found::Refreshing(key, flight, COURTESY),
            Some((flight, false)) => Found::Refreshing(key, flight, Duration::ZERO),
            None => Found::Known(key),
        }
    }

    /// After a flight has landed, or was given up on.
    fn settled(&self, id: &str, before: Option<Key>) -> Result<Key, AuthError> {
        let now = self.clock.steady();
        let mut state = self.state();
        let usable = now.saturating_sub(state.at) < STALE;
        let Some(set) = state.set.clone().filter(|_| usable) else {
            return Err(AuthError::KeysUnavailable);
        };
        match (set.get(id), before) {
            (Some(key), _) => Ok(key),
            (None, Some(_)) => Err(AuthError::UnknownKey),
            (None, None) => Err(state.unknown(id, now)),
        }
    }

    /// The flight that is in the air, or a new one if one may start; and whether it is new.
    fn flight(
        self: &Arc<Self>,
        state: &mut State,
        now: Duration,
        apart: Duration,
    ) -> Option<(Flight, bool)> {
        if let Some(flight) = &state.flight {
            return Some((flight.clone(), false));
        }
        let since = |begun: &Duration| now.saturating_sub(*begun);
        if state.begun.back().is_some_and(|last| since(last) < apart) {
            return None;
        }
        if state.begun.len() == MOST_A_MINUTE {
            if since(&state.begun[0]) < Duration::from_mins(1) {
                return None;
            }
            state.begun.pop_front();
        }
        state.begun.push_back(now);
        let inner = Arc::clone(self);
        let flight = async move {
            let fetched = inner.fetched().await;
            inner.land(fetched);
        };
        let flight = flight.boxed().shared();
        state.flight = Some(flight.clone());
        Some((flight, true))
    }

    async fn fetched(&self) -> Result<KeySet> {
        let body = timeout(FETCH, self.fetch.fetch(&self.url)).await;
        KeySet::read(&body.context("the issuer took too long")??)
    }

    fn land(&self, fetched: Result<KeySet>) {
        let now = self.clock.steady();
        let mut state = self.state();
        state.flight = None;
        state.failing = fetched.is_err();
        match fetched {
            Ok(set) => {
                if set.dropped > 0 {
                    tracing::warn!(auth.keys_dropped = set.dropped, "keys that are not for us");
                }
                state.set = Some(Arc::new(set));
                state.at = now;
            }
            // Old keys go on serving. Alarms look for this line.
            Err(error) => {
                let age_s = state.set.as_ref().map(|_| now.saturating_sub(state.at).as_secs());
                tracing::error!(?error, auth.keys_age_s = age_s, "key set not refreshed");
            }
        }
    }
}

impl State {
    fn is_unknown(&self, id: &str, now: Duration) -> bool {
        self.unknown.get(id).is_some_and(|at| now.saturating_sub(*at) < UNKNOWN_LIVES)
    }

    /// Nobody's key; or nobody knows, because the issuer is away.
    fn unknown(&mut self, id: &str, now: Duration) -> AuthError {
        if self.failing {
            return AuthError::KeysUnavailable;
        }
        if self.unknown.len() >= MOST_UNKNOWN {
            self.unknown.retain(|_, at| now.saturating_sub(*at) < UNKNOWN_LIVES);
        }
        if self.unknown.len() < MOST_UNKNOWN {
            self.unknown.insert(id.to_owned(), now);
        }
        AuthError::UnknownKey
    }
}
