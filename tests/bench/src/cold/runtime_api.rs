//! A stand-in for the Lambda Runtime API: one function asks it for events and gives it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

/// Longer than any function takes, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the function did, and when.
#[derive(Debug)]
enum Heard {
    /// It wants an event.
    Asks,
    Answers {
        failed: bool,
        body: Bytes,
    },
}

struct Line {
    heard: mpsc::UnboundedSender<(Instant, Heard)>,
    events: Mutex<mpsc::Receiver<String>>,
}

pub(crate) struct RuntimeApi {
    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) address: String,
    heard: mpsc::UnboundedReceiver<(Instant, Heard)>,
    events: mpsc::Sender<String>,
    server: tokio::task::JoinHandle<()>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self> {
        let (hear, heard) = mpsc::unbounded_channel();
        let (events, given) = mpsc::channel(1);
        let line = Arc::new(Line { heard: hear, events: Mutex::new(given) });
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/{{outcome}}"), post(outcome))
            .layer(DefaultBodyLimit::max(8 * 1024 * 1024))
            .with_state(line);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, heard, events, server })
    }

    /// When the function asked for its next event.
    pub(crate) async fn asked(&mut self) -> Result<Instant> {
        match self.hear().await? {
            (at, Heard::Asks) => Ok(at),
            (_, other) => bail!("asked for, but not an event: {other:?}"),
        }
    }

    /// Gives it an event, and says when the answer came, and what it was.
    pub(crate) async fn invoke(&mut self, event: String) -> Result<(Instant, Bytes)> {
        self.events.send(event).await.context("the function does not wait")?;
        match self.hear().await? {
            (at, Heard::Answers { failed: false, body }) => Ok((at, body)),
            (_, Heard::Answers { body, .. }) => bail!("{}", String::from_utf8_lossy(&body)),
            (_, Heard::Asks) => bail!("asked again instead of answering"),
        }
    }

    async fn hear(&mut self) -> Result<(Instant, Heard)> {
        let heard = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        heard.context("the function is silent")?.context("the function is gone")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(line): State<Arc<Line>>) -> Response {
    let _ = line.heard.send((Instant::now(), Heard::Asks));
    let Some(event) = line.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = jiff::Zoned::now().timestamp().as_millisecond() + 30_000;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", Uuid::new_v4().to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:0:function:x".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-695dcf14-3f1f0a4d5d1e2b7c6a8f9012".to_owned()),
    ];
    (headers, event).into_response()
}

async fn outcome(
    State(line): State<Arc<Line>>,
    Path((_, outcome)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let answers = Heard::Answers { failed: outcome != "response", body };
    let _ = line.heard.send((Instant::now(), answers));
    StatusCode::ACCEPTED
}
