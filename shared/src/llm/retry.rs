//! When to ask again: at most three times, never past the deadline, never in step with others.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use anyhow::anyhow;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{Error, Result};

/// A provider that asks for more than a day's patience has not thought about it.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// An attempt that failed, and whether another one may help.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
    /// The provider has not worked on it, as far as one can tell: it costs nothing.
    pub(super) unread: bool,
}

/// In the chain of an error: no call was worked on, so none was paid for.
#[derive(Debug, thiserror::Error)]
#[error("the model was not reached, or took no request")]
pub(super) struct Unread;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// Without a pause, if it was the first call: a connection kept open had died meanwhile.
    Now,
    Soon,
    /// Not before this, the provider said.
    After(Duration),
}

impl Failure {
    /// The provider's last word: the same question would get the same answer.
    pub(super) fn last(sentence: impl Into<String>) -> Self {
        Self { error: Error::ModelRefused(sentence.into()), again: Again::Never, unread: false }
    }

    pub(super) fn passing(error: anyhow::Error) -> Self {
        Self { error: Error::Unavailable(error), again: Again::Soon, unread: false }
    }

    pub(super) fn unread(self) -> Self {
        Self { unread: true, ..self }
    }

    fn told(self) -> Error {
        match self.error {
            Error::Unavailable(cause) if self.unread => Error::Unavailable(cause.context(Unread)),
            error => error,
        }
    }

    /// Unusable, but another draw may not be.
    pub(super) fn worth_another(self) -> Self {
        Self { again: Again::Soon, ..self }
    }

    /// With the wait the provider asked for, if asking again makes sense at all.
    pub(super) fn after(self, wait: Option<Duration>) -> Self {
        match (self.again, wait) {
            (Again::Soon, Some(wait)) => Self { again: Again::After(wait), ..self },
            _ => self,
        }
    }
}

pub(super) struct Policy {
    pub(super) calls: u32,
    /// The first pause is between nothing and this, the next between nothing and twice this.
    pub(super) pause: Duration,
    /// Some time between nothing and the given one.
    pub(super) jitter: fn(Duration) -> Duration,
    /// Whether another call may follow one that may have been paid for.
    pub(super) pays_again: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { calls: 3, pause: Duration::from_millis(500), jitter: full_jitter, pays_again: true }
    }
}

/// Calls until it succeeds and says how many calls that took.
///
/// Not an `AsyncFnMut`: what that returns is not provably `Send`, which handlers need.
pub(super) async fn run<T, F>(
    policy: &Policy,
    deadline: Instant,
    mut attempt: impl FnMut(u32) -> F,
) -> Result<(T, u32)>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut calls = 0;
    loop {
        calls += 1;
        let failure = match timeout_at(deadline, attempt(calls)).await {
            Ok(Ok(value)) => return Ok((value, calls)),
            Ok(Err(failure)) => failure,
            Err(_) => {
                let late = anyhow!("the model had not answered by the deadline, call {calls}");
                return Err(Error::Unavailable(late));
            }
        };
        let wait = match failure.again {
            Again::Never => return Err(failure.told()),
            _ if !failure.unread && !policy.pays_again => return Err(failure.error),
            Again::Now if calls == 1 => Duration::ZERO,
            Again::Now | Again::Soon => (policy.jitter)(policy.pause * calls),
            Again::After(wait) => wait.min(LONGEST_WAIT) + (policy.jitter)(policy.pause),
        };
        tracing::warn!(model.call = calls, error = ?failure.error, "a model call failed");
        if calls >= policy.calls || Instant::now() + wait >= deadline {
            return Err(failure.told());
        }
        sleep(wait).await;
    }
}

/// `Retry-After` in seconds or as a date; a date counts from the reply's own `Date`, so that two
/// clocks that disagree do no harm.
pub(super) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let until = rfc2822::parse(value).ok()?.timestamp();
    let from = date.and_then(|date| rfc2822::parse(date).ok());
    #[expect(clippy::disallowed_methods, reason = "a reply without a date leaves only our clock")]
    let from = from.map_or_else(Timestamp::now, |date| date.timestamp());
    Some(Duration::try_from(until.duration_since(from)).unwrap_or(Duration::ZERO))
}

/// Anything between zero and `most`. The standard library's hash keys are random enough to keep
/// callers out of step, and cost no dependency.
fn full_jitter(most: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let share = random as f64 / (1_u64 << 53) as f64;
    most.mul_f64(share)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
