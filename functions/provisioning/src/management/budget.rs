//! How often we ask: a bucket of our own, and a stop when the issuer says that little is left.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::sleep;

use super::seconds;

/// The issuer's is asked to wait no longer than this by a header that we may have misread.
const LONGEST: Duration = Duration::from_mins(1);

pub struct Budget {
    per_second: f64,
    burst: f64,
    state: Mutex<State>,
}

struct State {
    tokens: f64,
    since: Instant,
    /// Nobody asks before this.
    closed_until: Option<Instant>,
}

impl Budget {
    pub fn new(per_second: f64, burst: f64) -> Self {
        let state = State { tokens: burst, since: Instant::now(), closed_until: None };
        Self { per_second, burst, state: Mutex::new(state) }
    }

    /// Until one more may be asked.
    pub async fn wait(&self) {
        while let Some(pause) = self.take() {
            sleep(pause).await;
        }
    }

    fn take(&self) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(open) = state.closed_until.filter(|open| *open > now) {
            // Not all at the same moment.
            return Some(open - now + Duration::from_millis(50).mul_f64(random()));
        }
        state.closed_until = None;
        let gained = now.duration_since(state.since).as_secs_f64() * self.per_second;
        state.tokens = (state.tokens + gained).min(self.burst);
        state.since = now;
        if state.tokens >= 1.0 {
            state.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - state.tokens) / self.per_second))
    }

    /// The answer's headers: with one request left, nobody asks until there are more.
    pub fn told(&self, headers: &HeaderMap) {
        let left = seconds(headers, "x-ratelimit-remaining");
        if left.is_some_and(|left| left <= 1.0)
            && let Some(pause) = until_reset(headers)
        {
            let until = Instant::now() + pause;
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.closed_until = state.closed_until.max(Some(until));
        }
    }
}

/// How long the issuer wants us to wait: `Retry-After`, else its reset by its own clock.
pub(super) fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let wait = match seconds(headers, RETRY_AFTER.as_str()) {
        Some(wait) => wait,
        None => seconds(headers, "x-ratelimit-reset")? - date(headers)?,
    };
    // Its clock counts whole seconds.
    (wait >= 0.0).then(|| Duration::from_secs_f64(wait.max(0.2)).min(LONGEST))
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact in a float")]
fn date(headers: &HeaderMap) -> Option<f64> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let date: Timestamp = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(date.as_second() as f64)
}

/// Between 0 and 1.
pub(super) fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness everybody waits half of the time, which is no reason to fail.
    if rand::fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{Budget, until_reset};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a41_the_wait_is_what_the_issuer_says_by_its_own_clock() {
        let date = ("date", "Wed, 07 Jan 2026 03:15:00 GMT");
        let reset = headers(&[date, ("x-ratelimit-reset", "1767755703")]);
        assert_eq!(until_reset(&reset), Some(Duration::from_secs(3)));
        let after = headers(&[date, ("retry-after", "7"), ("x-ratelimit-reset", "1767755703")]);
        assert_eq!(until_reset(&after), Some(Duration::from_secs(7)));
        let far = headers(&[date, ("x-ratelimit-reset", "9999999999")]);
        assert_eq!(until_reset(&far), Some(Duration::from_mins(1)));
        for nothing in [headers(&[]), headers(&[date]), headers(&[("x-ratelimit-reset", "5")])] {
            assert_eq!(until_reset(&nothing), None);
        }
    }

    #[test]
    fn a41_with_one_left_nobody_asks_until_the_reset() {
        let budget = Budget::new(1000.0, 10.0);
        assert!(budget.take().is_none());
        budget.told(&headers(&[("x-ratelimit-remaining", "1"), ("retry-after", "30")]));
        assert!(budget.take().is_some_and(|wait| wait > Duration::from_secs(29)));
        let budget = Budget::new(0.001, 2.0);
        assert!(budget.take().is_none() && budget.take().is_none() && budget.take().is_some());
    }
}
