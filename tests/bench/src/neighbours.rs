//! What stands beside Cadre, in a process of its own so that its processor time is not counted as
//! ours: scripted models, one that answers at once and one that thinks, and a Step Functions that
//! says yes.

use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::http::HeaderMap;
use axum::{Json, Router, routing::post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tests::scripted::{Latency, Script, Server};

/// How long the slow model thinks.
pub(crate) const THINKS: Duration = Duration::from_millis(20);

/// Where they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) model: String,
    pub(crate) slow_model: String,
    pub(crate) states: String,
}

/// The process; ends with its value.
pub(crate) struct Neighbours {
    child: Child,
    pub(crate) addresses: Addresses,
}

impl Neighbours {
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        // It ends when its input does: also when we are killed.
        command.arg("neighbours").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        Ok(Self { child, addresses: serde_json::from_str(&line).context("the neighbours")? })
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: serves until its input ends.
pub(crate) async fn serve() -> Result<()> {
    let model = Server::start(Script::echo())?;
    let slow = Server::start(Script::echo().latency(Latency::Fixed(THINKS)))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let states = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/", post(step_functions));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (model, slow_model) = (model.base_url.clone(), slow.base_url.clone());
    let addresses = serde_json::to_string(&Addresses { model, slow_model, states })?;
    writeln!(stdout(), "{addresses}")?;
    let input = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(input).await??;
    Ok(())
}

async fn step_functions(headers: HeaderMap) -> Json<Value> {
    let target = headers.get("x-amz-target").and_then(|name| name.to_str().ok());
    Json(match target.and_then(|name| name.rsplit('.').next()) {
        Some("StopExecution") => json!({ "stopDate": 0.0 }),
        _ => {
            json!({ "executionArn": "arn:aws:states:eu-west-1:0:execution:run:x", "startDate": 0.0 })
        }
    })
}
