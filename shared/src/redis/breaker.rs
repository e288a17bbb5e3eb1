//! After a failure nobody asks for a second; then one asks for all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Gone;

/// How long nobody asks.
const REST: Duration = Duration::from_secs(1);
/// No failure.
const CLOSED: u64 = 0;

#[derive(Debug)]
pub(super) struct Breaker {
    born: Instant,
    /// Until when nobody asks, in milliseconds since `born`.
    until: AtomicU64,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { born: Instant::now(), until: AtomicU64::new(CLOSED) }
    }

    /// May this one ask? Once the rest is over the first who comes takes the next one on itself, so
    /// that of a thousand that wait only one finds out that it is still gone.
    pub(super) fn enter(&self) -> Result<(), Gone> {
        let until = self.until.load(Ordering::Relaxed);
        if until == CLOSED {
            return Ok(());
        }
        let now = self.now();
        if now < until {
            return Err(Gone);
        }
        let next = now + Self::rest();
        let won = self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        won.map(drop).map_err(|_| Gone)
    }

    pub(super) fn close(&self) {
        self.until.store(CLOSED, Ordering::Relaxed);
    }

    /// True if it was closed: the one who opens it says so in the log.
    pub(super) fn open(&self) -> bool {
        self.until.swap(self.now() + Self::rest(), Ordering::Relaxed) == CLOSED
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }

    fn rest() -> u64 {
        u64::try_from(REST.as_millis()).unwrap_or(u64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::Breaker;

    #[test]
    fn after_a_failure_nobody_asks_and_a_success_opens_the_door() {
        let breaker = Breaker::new();
        assert!(breaker.enter().is_ok());
        assert!(breaker.open() && !breaker.open());
        assert!(breaker.enter().is_err());
        breaker.close();
        assert!(breaker.enter().is_ok());
    }
}
