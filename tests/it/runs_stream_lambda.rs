//! The function itself, as Lambda runs it: its answer goes through the Runtime API bit by bit.

use std::convert::Infallible;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use futures_util::stream::unfold;
use serde_json::Value;
use tests::follow::{Following, Heard};
use tests::{ANY_CLIENT, House, drive, wide};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::crash::start;
use crate::runs_stream::{slow, whole};
use crate::team;
use crate::world::root;

/// What Lambda puts between the head of an answer that streams and its body.
const BREAK: &[u8] = &[0; 8];

/// A stand-in for the Runtime API: one event, and what is answered to it while it comes.
struct Runtime {
    event: Mutex<Option<String>>,
    answer: UnboundedSender<(HeaderMap, Body)>,
}

async fn next(State(runtime): State<Arc<Runtime>>) -> Response {
    let Some(event) = runtime.event.lock().unwrap().take() else {
        return std::future::pending().await;
    };
    let deadline = jiff::Timestamp::now().as_millisecond() + 120_000;
    let headers = [
        ("lambda-runtime-aws-request-id", "8f1f0a4d-5d1e-4b7c-9a8f-901200000000".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:0:function:x".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-695dcf14-3f1f0a4d5d1e2b7c6a8f9012".to_owned()),
    ];
    (headers, event).into_response()
}

async fn answered(
    State(runtime): State<Arc<Runtime>>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let (done, mut ends) = unbounded_channel();
    // The call ends when its body does, as Lambda's does.
    let body = body.into_data_stream().chain(futures_util::stream::once(async move {
        drop(done);
        Ok(Bytes::new())
    }));
    let _ = runtime.answer.send((headers, Body::from_stream(body)));
    let _: Option<()> = ends.recv().await;
    StatusCode::ACCEPTED
}

async fn serve(event: String) -> Result<(String, UnboundedReceiver<(HeaderMap, Body)>)> {
    let (answer, answers) = unbounded_channel();
    let runtime = Arc::new(Runtime { event: Mutex::new(Some(event)), answer });
    let invocation = "/2018-06-01/runtime/invocation";
    let router = Router::new()
        .route(&format!("{invocation}/next"), get(next))
        .route(&format!("{invocation}/{{id}}/response"), post(answered))
        .with_state(runtime);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, answers))
}

/// Ended with the test.
struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

fn function(house: &House, runtime: &str) -> Result<Function> {
    let program = local::build::beside("runs-stream")?;
    let auth = house.signer.settings();
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in ["DATABASE_URL", "REDIS_URL"] {
        command.env(name, std::env::var(name)?);
    }
    command
        .env("AUTH_ISSUER", auth.issuer)
        .env("AUTH_AUDIENCE", auth.audience)
        .env("AUTH_JWKS_URL", auth.jwks_url)
        .env("AUTH_CLIENTS", ANY_CLIENT)
        .env("RATE_LIMITS", wide())
        .env("AWS_LAMBDA_RUNTIME_API", runtime)
        .env("AWS_LAMBDA_FUNCTION_NAME", "runs-stream")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    Ok(Function(command.spawn()?))
}

/// The head, and the body that follows it.
async fn parted(body: Body) -> Result<(Value, Body)> {
    let (mut stream, mut read) = (body.into_data_stream(), Vec::new());
    let at = loop {
        if let Some(at) = read.windows(BREAK.len()).position(|part| part == BREAK) {
            break at;
        }
        read.extend_from_slice(&stream.next().await.context("no head")??);
    };
    let rest = Bytes::from(read.split_off(at + BREAK.len()));
    let head = serde_json::from_slice(&read[..at])?;
    let body = futures_util::stream::once(async { Ok::<_, Infallible>(rest) });
    let more = unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?.unwrap_or_default();
        Some((Ok::<_, Infallible>(bytes), stream))
    });
    Ok((head, Body::from_stream(body.chain(more))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_the_function_streams_through_the_runtime_api() -> Result<()> {
    let house = House::with_model(slow(8, 30, Duration::from_millis(20)))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let event = std::fs::read_to_string(root().join("events/runs-stream.json"))?;
    let event = event.replace("{run_id}", &run.run_id.to_string());
    let event = event.replace("{token}", &org.admin_token());
    let (runtime, mut answers) = serve(event).await?;
    let _function = function(&house, &runtime)?;
    let answer = tokio::time::timeout(Duration::from_secs(30), answers.recv()).await?;
    let (headers, body) = answer.context("the function is gone")?;
    assert_eq!(headers["lambda-runtime-function-response-mode"], "streaming");
    let (prelude, body) = parted(body).await?;
    assert_eq!(prelude["statusCode"], 200, "{prelude}");
    assert_eq!(prelude["headers"]["content-type"], "text/event-stream");
    // The run begins when its reader is there: nothing of it can have been waited for.
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let (mut following, mut heard, mut before) = (Following::of(body), Heard::default(), 0);
    while let Some(event) = following.next().await? {
        heard.hear(&event)?;
        before += usize::from(!running.is_finished() && event.kind == "turn.text");
    }
    assert_eq!(running.await??, "succeeded");
    whole(&heard, &ada, run).await?;
    assert!(before >= 16, "only {before} pieces came while it ran");
    Ok(())
}
