//! The event stream: what happened, as `CloudEvents`, sent to one address.
//!
//! Auth0 promises neither order nor that an event comes once. Here both are on demand: events are
//! held back until they are flushed, in any order and as often as wanted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::sim::{Sim, locked};

pub struct Events {
    inner: Mutex<Inner>,
    there: Notify,
}

#[derive(Default)]
struct Inner {
    /// Everything that happened, oldest first.
    all: Vec<Value>,
    /// How many of them were sent.
    sent: usize,
    stream: Option<Stream>,
}

/// Where events go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    pub url: String,
    /// The whole value of the `Authorization` header, such as `Bearer …`.
    pub authorization: String,
    /// Until they are flushed.
    #[serde(default)]
    pub held: bool,
}

/// How held events are let go.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flush {
    /// How often each is sent.
    pub copies: usize,
    /// Shuffled by this seed; 0: in order.
    pub seed: u64,
}

impl Default for Flush {
    fn default() -> Self {
        Self { copies: 1, seed: 0 }
    }
}

/// What became of a delivery.
#[derive(Debug, serde::Serialize)]
pub struct Delivered {
    pub sent: usize,
    /// Answers that were no 2xx, after the last try.
    pub refused: usize,
}

/// How often one is tried.
const TRIES: u32 = 3;

pub(crate) fn time() -> String {
    jiff::Timestamp::now().to_string()
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), there: Notify::new() }
    }

    /// Sets where they go; what happened before is not sent.
    pub fn stream(&self, stream: Option<Stream>) {
        let mut inner = locked(&self.inner);
        inner.sent = inner.all.len();
        inner.stream = stream;
    }

    pub fn all(&self) -> Vec<Value> {
        locked(&self.inner).all.clone()
    }

    pub(crate) fn happened(&self, kind: &str, object: &Value) {
        let event = json!({
            "specversion": "1.0", "type": kind, "source": "urn:auth0:cadre.local",
            "id": format!("evt_{}", Uuid::now_v7().simple()), "time": time(),
            "a0tenant": "cadre", "a0stream": "est_cadre", "data": { "object": object },
        });
        locked(&self.inner).all.push(event);
        self.there.notify_one();
    }

    fn pending(&self) -> (Vec<Value>, Option<Stream>) {
        let mut inner = locked(&self.inner);
        let pending = inner.all.get(inner.sent..).unwrap_or_default().to_vec();
        inner.sent = inner.all.len();
        (pending, inner.stream.clone())
    }

    /// Sends what is held back, and says what became of it.
    pub async fn flush(&self, how: Flush) -> Delivered {
        let (pending, stream) = self.pending();
        let copies = how.copies.max(1);
        let mut all: Vec<Value> =
            pending.iter().flat_map(|event| std::iter::repeat_n(event.clone(), copies)).collect();
        shuffle(&mut all, how.seed);
        let mut delivered = Delivered { sent: 0, refused: 0 };
        let Some(stream) = stream else { return delivered };
        let client = reqwest::Client::new();
        for event in all {
            delivered.sent += 1;
            delivered.refused += usize::from(!send(&client, &stream, &event).await);
        }
        delivered
    }

    fn is_held(&self) -> bool {
        locked(&self.inner).stream.as_ref().is_none_or(|stream| stream.held)
    }
}

async fn send(client: &reqwest::Client, stream: &Stream, event: &Value) -> bool {
    for tries in 0..TRIES {
        let request = client
            .post(&stream.url)
            .header("authorization", &stream.authorization)
            .header("content-type", "application/json")
            .timeout(Duration::from_secs(10))
            .body(event.to_string());
        match request.send().await {
            Ok(answer) if answer.status().is_success() => return true,
            // What is refused for good is not tried again.
            Ok(answer) if answer.status().is_client_error() && answer.status() != 429 => {
                return false;
            }
            _ => tokio::time::sleep(Duration::from_millis(100 << tries)).await,
        }
    }
    false
}

/// Fisher and Yates, by a generator of our own: the same seed gives the same order.
fn shuffle(all: &mut [Value], seed: u64) {
    if seed == 0 {
        return;
    }
    let mut state = seed;
    for at in (1..all.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap_or_default() % (at + 1);
        all.swap(at, other);
    }
}

/// Sends events as they happen, unless they are held back.
pub(crate) async fn deliver(sim: Arc<Sim>) {
    loop {
        sim.events.there.notified().await;
        if !sim.events.is_held() {
            sim.events.flush(Flush::default()).await;
        }
    }
}
