//! The time, as the verifier is told it: a wall clock for tokens, a steady one for the key cache.

use std::time::{Duration, Instant};

/// Injected, so that a test can stand exactly at a bound.
pub trait Clock: Send + Sync {
    /// Seconds of Unix time. Only the time window of a token is judged by it.
    fn wall(&self) -> i64;
    /// Time since some moment, which never goes back and nobody can set.
    fn steady(&self) -> Duration;
}

/// This machine's.
pub(super) struct Machine(Instant);

impl Machine {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Machine {
    fn wall(&self) -> i64 {
        jsonwebtoken::get_current_timestamp().cast_signed()
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }
}
