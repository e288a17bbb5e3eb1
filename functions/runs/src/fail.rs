//! Task: close a run that cannot go on, with the error that the state machine caught.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{App, Result};

use crate::finish::Closed;
use crate::model::RunRef;
use crate::queries::lifecycle;
use crate::settle;

/// Errors that are no failure of the run: it may not spend more.
const STOPS: [&str; 3] = ["SpendCapReached", "SpendHeld", "SpendStopped"];

#[derive(Deserialize)]
pub struct Failure {
    #[serde(flatten)]
    run: RunRef,
    /// The step it happened in; none when planning failed.
    step_id: Option<String>,
    /// The error's name, for example `SpendCapReached`.
    error: String,
    /// Step Functions' `Cause`: for a function's error, JSON with an `errorMessage`.
    #[serde(default)]
    cause: String,
}

pub async fn handle(app: App, failure: Failure) -> Result<Closed> {
    let error = json!({ "name": failure.error, "detail": detail(&failure.cause) });
    let run = failure.run;
    let how = if STOPS.contains(&failure.error.as_str()) { "stopped" } else { "failed" };
    let state = app.db()?.tenant(run.tenant_id, async |tx| {
        lifecycle::end(tx, run, how, Some(error), failure.step_id.as_deref()).await?;
        // A run that was cancelled meanwhile stays cancelled.
        lifecycle::state(tx, run.run_id).await
    });
    let state = state.await?;
    settle::soon(app, run).await;
    Ok(Closed { state })
}

fn detail(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed.as_ref().and_then(|cause| cause["errorMessage"].as_str());
    message.unwrap_or(cause).chars().take(2_000).collect()
}
