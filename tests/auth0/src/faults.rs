//! Faults on demand: what a service that is far away does sooner or later.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::sim::{Sim, locked};

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Fault {
    /// The beginning of the paths it strikes.
    pub path: String,
    #[serde(flatten)]
    pub kind: Kind,
    /// How many requests; 0: all, until the faults are cleared.
    #[serde(default)]
    pub times: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// Answers late.
    Slow { milliseconds: u64 },
    /// Answers with this status and an empty page.
    Status { status: u16 },
    /// Does what was asked, and then fails to say so.
    Lost { status: u16 },
    /// Answers 200 with what is neither JSON nor a page.
    Garbage,
    /// Stops in the middle of the answer.
    Truncated,
    /// Never answers.
    Hang,
}

#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn set(&mut self, faults: Vec<Fault>) {
        self.0 = faults;
    }

    fn strike(&mut self, path: &str) -> Option<Kind> {
        let at = self.0.iter().position(|fault| path.starts_with(&fault.path))?;
        let fault = self.0.get_mut(at)?;
        let kind = fault.kind;
        match fault.times {
            0 => {}
            1 => drop(self.0.remove(at)),
            _ => fault.times -= 1,
        }
        Some(kind)
    }
}

pub(crate) async fn spoil(State(sim): State<Arc<Sim>>, request: Request, next: Next) -> Response {
    let struck = locked(&sim.faults).strike(request.uri().path());
    let status = |code| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    match struck {
        None => next.run(request).await,
        Some(Kind::Slow { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            next.run(request).await
        }
        Some(Kind::Status { status: code }) => status(code).into_response(),
        Some(Kind::Lost { status: code }) => {
            next.run(request).await;
            status(code).into_response()
        }
        Some(Kind::Garbage) => "\u{1}\u{2} <<< nothing you can read >>>".into_response(),
        Some(Kind::Truncated) => truncated(next.run(request).await).await,
        Some(Kind::Hang) => std::future::pending().await,
    }
}

/// Half of the body, under the length of the whole.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    let body = Body::from_stream(HalfBody(Some(half)));
    Response::from_parts(parts, body)
}

/// One piece of a length that is not told beforehand, and then the end, which comes too early.
struct HalfBody(Option<Bytes>);

impl Stream for HalfBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
