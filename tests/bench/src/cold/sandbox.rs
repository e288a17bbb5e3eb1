//! One function from `exec` to its last event: a fresh process, as a cold start is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::runtime_api::RuntimeApi;
use crate::clock;
use crate::figures::{ms, per};

/// After it asked for an event a function still spends some microseconds until it sleeps.
const SETTLES: Duration = Duration::from_millis(3);

/// What one process showed. Times in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// `exec` to the first `GET /next`.
    pub(crate) init: f64,
    pub(crate) init_cpu: f64,
    /// The first event: connections are made, keys are fetched.
    pub(crate) first: f64,
    /// `exec` to the first answer.
    pub(crate) cold_cpu: f64,
    /// Every later event.
    pub(crate) warm: Vec<f64>,
    pub(crate) warm_cpu: f64,
    pub(crate) peak_memory: u64,
}

/// Starts the binary with these variables and nothing else, and gives it these events, which it
/// answers with this status, or with any that is a success.
pub(crate) async fn live(
    binary: &Path,
    environment: &BTreeMap<String, String>,
    events: Vec<String>,
    expected: Option<u64>,
) -> Result<Life> {
    let name = environment.get("AWS_LAMBDA_FUNCTION_NAME").cloned().unwrap_or_default();
    let mut api = RuntimeApi::start().await?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .envs(environment)
        .env("AWS_LAMBDA_RUNTIME_API", &api.address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let began = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{}", binary.display()))?;
    let pid = i32::try_from(child.id().context("it ended at once")?)?;
    let asked = tokio::select! {
        asked = api.asked() => asked?,
        ended = child.wait() => anyhow::bail!("{name} ended while it started: {}", ended?),
    };
    let spent = async || {
        tokio::time::sleep(SETTLES).await;
        clock::of_process(pid)
    };
    let init_cpu = ms(spent().await?);
    let (mut first, mut cold_cpu) = (f64::NAN, f64::NAN);
    let mut warm = Vec::with_capacity(events.len());
    let count = events.len();
    for (n, event) in events.into_iter().enumerate() {
        let asked_at = Instant::now();
        let (at, body) = api.invoke(event).await.with_context(|| name.clone())?;
        let took = ms(at - asked_at);
        succeeded(&body, expected).with_context(|| format!("{name}, event {n}"))?;
        api.asked().await?;
        if n == 0 {
            (first, cold_cpu) = (took, ms(spent().await?));
        } else {
            warm.push(took);
        }
    }
    let warm_cpu = per(ms(spent().await?) - cold_cpu, count.saturating_sub(1));
    let peak_memory = clock::peak_memory(pid)?;
    child.kill().await?;
    Ok(Life { init: ms(asked - began), init_cpu, first, cold_cpu, warm, warm_cpu, peak_memory })
}

/// A refusal is quicker than a success, and no figure: unless that is all a page has to say to
/// whoever has no session.
fn succeeded(body: &[u8], expected: Option<u64>) -> Result<()> {
    // Of an answer that was streamed, the head: what comes after it is text.
    let mut parts = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let answer = parts.next().context("an empty answer")??;
    let status = answer["statusCode"].as_u64();
    let good =
        |status| expected.map_or((200..300).contains(&status), |expected| status == expected);
    ensure!(status.is_none_or(good), "{answer}");
    Ok(())
}
