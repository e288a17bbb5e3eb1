//! `/sim/…`: what no real Auth0 has. A test sets here what is to go wrong, and looks behind the scenes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::events::{Delivered, Flush, Stream};
use crate::faults::Fault;
use crate::limits::{Bucket, Rate};
use crate::sim::{Sim, locked};

pub(crate) fn router() -> Router<Arc<Sim>> {
    Router::new()
        .route("/sim/faults", put(faults))
        .route("/sim/rate", get(counted).put(rate))
        .route("/sim/events", get(events).put(stream))
        .route("/sim/events/flush", post(flush))
        .route("/sim/sign", post(sign))
}

/// Takes the place of the faults before; an empty list clears them.
async fn faults(State(sim): State<Arc<Sim>>, Json(faults): Json<Vec<Fault>>) -> StatusCode {
    sim.set_faults(faults);
    StatusCode::NO_CONTENT
}

/// A new bucket, full, with its counters at zero.
async fn rate(State(sim): State<Arc<Sim>>, Json(rate): Json<Rate>) -> StatusCode {
    sim.set_rate(rate);
    StatusCode::NO_CONTENT
}

async fn counted(State(sim): State<Arc<Sim>>) -> Json<Value> {
    let (passed, limited) = sim.counted();
    Json(json!({ "passed": passed, "limited": limited }))
}

async fn events(State(sim): State<Arc<Sim>>) -> Json<Vec<Value>> {
    Json(sim.events.all())
}

async fn stream(State(sim): State<Arc<Sim>>, Json(stream): Json<Option<Stream>>) -> StatusCode {
    sim.events.stream(stream);
    StatusCode::NO_CONTENT
}

async fn flush(State(sim): State<Arc<Sim>>, Json(how): Json<Flush>) -> Json<Delivered> {
    Json(sim.events.flush(how).await)
}

/// Any claims at all, under the current key.
async fn sign(State(sim): State<Arc<Sim>>, Json(claims): Json<Value>) -> Json<Value> {
    Json(json!({ "token": sim.sign(&claims) }))
}

/// The same for a test in this process.
impl Sim {
    pub fn set_faults(&self, faults: Vec<Fault>) {
        locked(&self.faults).set(faults);
    }

    pub fn set_rate(&self, rate: Rate) {
        *locked(&self.bucket) = Bucket::new(rate);
    }

    /// Requests of `/api/v2` that passed, and those that were told to wait.
    pub fn counted(&self) -> (u64, u64) {
        let bucket = locked(&self.bucket);
        (bucket.passed, bucket.limited)
    }

    /// Any claims at all, under the current key.
    pub fn sign(&self, claims: &Value) -> String {
        locked(&self.keys).sign("JWT", claims)
    }

    /// Under the key that is published, but does not sign yet.
    pub fn sign_with_next(&self, claims: &Value) -> String {
        locked(&self.keys).sign_with_next(claims)
    }

    /// As if everybody had signed in here so many seconds earlier.
    pub fn age_sessions(&self, seconds: i64) {
        for session in locked(&self.grants).sessions.values_mut() {
            session.since -= seconds;
        }
    }

    /// As a thief in the backend would have it.
    pub fn newest_refresh_token(&self) -> Option<String> {
        locked(&self.grants).families.last.clone()
    }

    /// The next key signs from now on. Returns its id.
    pub fn rotate_keys(&self) -> anyhow::Result<String> {
        locked(&self.keys).rotate()
    }
}
