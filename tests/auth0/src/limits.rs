//! The token bucket of `/api/v2`, and the headers that tell of it.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::sim::{Sim, locked, now};

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Rate {
    pub burst: u32,
    pub per_second: f64,
}

impl Default for Rate {
    /// Auth0's for a production tenant.
    fn default() -> Self {
        Self { burst: 50, per_second: 16.0 }
    }
}

pub(crate) struct Bucket {
    rate: Rate,
    tokens: f64,
    since: Instant,
    /// How many were let through, and how many were told to wait.
    pub(crate) passed: u64,
    pub(crate) limited: u64,
}

/// What a request is told: how many are left, and in how many seconds there will be all again.
struct Told {
    limit: u32,
    remaining: u32,
    seconds: i64,
    allowed: bool,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        let tokens = f64::from(rate.burst);
        Self { rate, tokens, since: Instant::now(), passed: 0, limited: 0 }
    }

    fn take(&mut self) -> Told {
        let most = f64::from(self.rate.burst);
        let gained = self.since.elapsed().as_secs_f64() * self.rate.per_second;
        self.tokens = (self.tokens + gained).min(most);
        self.since = Instant::now();
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
            self.passed += 1;
        } else {
            self.limited += 1;
        }
        // When the next one is there: at least a second away, as Auth0 counts.
        let wait = ((1.0 - self.tokens).max(0.0) / self.rate.per_second).ceil().max(1.0);
        Told {
            limit: self.rate.burst,
            remaining: whole(self.tokens),
            seconds: whole(wait).into(),
            allowed,
        }
    }
}

/// Rounded down; never negative, never large.
fn whole(number: f64) -> u32 {
    format!("{}", number.floor()).parse().unwrap_or_default()
}

pub(crate) async fn limit(State(sim): State<Arc<Sim>>, request: Request, next: Next) -> Response {
    let told = locked(&sim.bucket).take();
    let mut response = if told.allowed {
        next.run(request).await
    } else {
        let body = json!({
            "statusCode": 429, "error": "Too Many Requests",
            "message": "Global limit has been reached", "errorCode": "too_many_requests",
        });
        (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", told.limit.into());
    headers.insert("x-ratelimit-remaining", told.remaining.into());
    headers.insert("x-ratelimit-reset", HeaderValue::from(now() + told.seconds));
    response
}
