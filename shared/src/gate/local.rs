//! Without Redis: each process counts by itself, and gives a tenth. Never nothing, never unlimited.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::limits::{Counted, Limit};
use crate::redis::Key;

/// More than this, and those that are full again are forgotten.
const MOST: usize = 10_000;

/// When each bucket is full again.
#[derive(Debug, Default)]
pub(super) struct Local(Mutex<HashMap<Key, Instant>>);

impl Local {
    /// As `gate.lua`: either all of them count the request or none does.
    pub(super) fn count(
        &self,
        buckets: &[(&'static str, Key, Limit)],
        now: Instant,
    ) -> Vec<Counted> {
        let mut full = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if full.len() >= MOST {
            full.retain(|_, until| *until > now);
            // Even so many that none is full: then everybody begins anew, but not all the time.
            if full.len() >= MOST {
                full.clear();
            }
        }
        let mut counted = Vec::with_capacity(buckets.len());
        let mut after = Vec::with_capacity(buckets.len());
        for (name, key, limit) in buckets {
            let limit = limit.tenth();
            let interval = Duration::from_micros(limit.interval());
            let before = full.get(key).copied().map_or(now, |until| until.max(now));
            let room = now + interval * limit.burst;
            let next = before + interval;
            let wait = next.saturating_duration_since(room);
            let until = if wait.is_zero() { next } else { before };
            let left = room.saturating_duration_since(until).as_micros() / interval.as_micros();
            counted.push(Counted {
                name,
                limit,
                left: u64::try_from(left).unwrap_or(u64::MAX),
                full: milliseconds(until - now),
                wait: milliseconds(wait),
            });
            after.push((key, until));
        }
        if counted.iter().all(|bucket| bucket.wait == 0) {
            for (key, until) in after {
                full.insert(key.clone(), until);
            }
        }
        counted
    }
}

/// Rounded up: a wait of less than one is a wait.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use uuid::Uuid;

    use super::Local;
    use crate::gate::limits::Limit;
    use crate::redis::Key;

    #[test]
    fn p14_a_process_by_itself_gives_a_tenth_and_never_nothing() {
        let (local, start) = (Local::default(), Instant::now());
        let limit = Limit { per_second: 100.0, burst: 50 };
        let key = Key::tenant(Uuid::nil()).key("rate", &["user"]);
        let buckets = [("user", key, limit)];
        let mut let_in = 0;
        for millisecond in 0..10_000 {
            let now = start + Duration::from_millis(millisecond);
            let_in += u32::from(local.count(&buckets, now)[0].wait == 0);
        }
        // A tenth of the burst, and a tenth of the rate for ten seconds.
        assert!((104..=105).contains(&let_in), "{let_in}");
        let one = [("user", buckets[0].1.clone(), Limit { per_second: 1.0, burst: 1 })];
        assert_eq!(Local::default().count(&one, start)[0].wait, 0, "never nothing");
    }

    #[test]
    fn a_request_that_one_bucket_refuses_is_counted_by_none() {
        let (local, now) = (Local::default(), Instant::now());
        let bucket = |name, burst| {
            let key = Key::tenant(Uuid::nil()).key("rate", &[name]);
            (name, key, Limit { per_second: 0.1, burst })
        };
        let both = [bucket("tenant", 100), bucket("user", 20)];
        for _ in 0..5 {
            local.count(&both, now);
        }
        assert_eq!(
            local.count(&both[..1], now)[0].left,
            7,
            "two of five were let in, and this one"
        );
    }
}
