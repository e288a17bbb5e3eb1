//! Answers that go on: server-sent events, with a sign of life, until there is no more to tell, the
//! function's time is up, or whoever reads may no longer.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::{HeaderName, HeaderValue, header, request};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{BoxStream, StreamExt, unfold};
use tokio::time::{Instant, sleep_until};

use crate::table::{Access, Row};
use crate::{App, Caller, Error, Result, gate};

/// Between two signs of life, so that nobody in between takes the silence for an end.
const BEAT: Duration = Duration::from_secs(15);
/// What is left of a function's time when its answer ends: to say so, and for what is under way.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a client waits before it comes again, in milliseconds.
const RETRY: u32 = 1_000;
const LONGEST_ID: usize = 8 * 1024;

/// Whom a route that streams is for, and how long it may.
#[derive(Clone)]
pub(super) struct Terms {
    app: App,
    access: Access,
    longest: Duration,
}

impl Terms {
    pub(super) fn of(row: &Row, app: App) -> Self {
        let longest = Duration::from_secs(row.timeout.into());
        let longest = longest.saturating_sub(MARGIN.min(longest / 2));
        Self { app, access: row.access.clone(), longest }
    }
}

/// How long a caller may stay.
pub struct Stay {
    terms: Terms,
    caller: Caller,
    until: Instant,
    /// When their proof ends.
    proven: Instant,
}

impl<S: Sync> FromRequestParts<S> for Stay {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self> {
        let terms = parts.extensions.get::<Terms>().cloned();
        let terms = terms.ok_or_else(|| anyhow::anyhow!("a route that does not stream"))?;
        let caller = Caller::from_request_parts(parts, state).await?;
        let left = caller.expires.saturating_sub(terms.app.auth()?.now());
        // A proof that outlives us by far is as good as one that ends a little later.
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0)).min(terms.longest * 2);
        let now = Instant::now();
        Ok(Self { until: now + terms.longest, proven: now + left, terms, caller })
    }
}

/// `Last-Event-ID`: where a client was when it was cut off.
pub struct LastEventId(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        let Some(value) = parts.headers.get("last-event-id") else { return Ok(Self(None)) };
        match value.to_str() {
            // What a client sends that has seen no id yet.
            Ok("") => Ok(Self(None)),
            Ok(id) if id.len() <= LONGEST_ID => Ok(Self(Some(id.to_owned()))),
            _ => {
                let wanted = "Last-Event-ID must be the `id` of an event of this stream, or absent";
                Err(Error::Invalid(wanted.into()))
            }
        }
    }
}

/// Server-sent events; what one of them is, `T` describes.
pub struct Events<T> {
    body: Body,
    told: PhantomData<T>,
}

impl<T> Events<T> {
    /// Of texts that are one or several events each, whole.
    pub fn of(
        stay: Stay,
        events: impl futures_util::Stream<Item = String> + Send + 'static,
    ) -> Self {
        Self { body: body(stay, events.boxed()), told: PhantomData }
    }
}

impl<T> IntoResponse for Events<T> {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
            // Proxies that keep an answer until it is whole would keep it for ever.
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ];
        (headers, self.body).into_response()
    }
}

struct Going {
    stay: Stay,
    events: BoxStream<'static, String>,
    /// When to ask whether they may stay.
    look: Instant,
    beat: Instant,
    begun: bool,
    over: bool,
}

fn body(stay: Stay, events: BoxStream<'static, String>) -> Body {
    let now = Instant::now();
    let look = now + gate::SOON;
    let going = Going { stay, events, look, beat: now, begun: false, over: false };
    Body::from_stream(unfold(going, |mut going| async move {
        let text = going.next().await?;
        going.beat = Instant::now() + BEAT;
        Some((Ok::<_, Infallible>(Bytes::from(text)), going))
    }))
}

impl Going {
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        if !self.begun {
            self.begun = true;
            // At once, so that whoever reads knows that they are heard.
            return Some(format!("retry: {RETRY}\n\n"));
        }
        loop {
            // In this order: what is told without end must not keep us from ending it.
            tokio::select! {
                biased;
                () = sleep_until(self.stay.until) => return Some(self.closed("time")),
                () = sleep_until(self.stay.proven) => return Some(self.closed("expired")),
                () = sleep_until(self.look) => {
                    let Stay { terms, caller, .. } = &self.stay;
                    match gate::stays(terms.app, &terms.access, caller).await {
                        Ok(again) => self.look = Instant::now() + again,
                        Err(_) => return Some(self.closed("refused")),
                    }
                }
                event = self.events.next() => return event,
                () = sleep_until(self.beat) => return Some(": still here\n\n".into()),
            }
        }
    }

    /// The last event says why. It has no id: whoever comes again goes on where they were.
    fn closed(&mut self, why: &str) -> String {
        self.over = true;
        format!("retry: {RETRY}\nevent: closed\ndata: {{\"why\":\"{why}\"}}\n\n")
    }
}
