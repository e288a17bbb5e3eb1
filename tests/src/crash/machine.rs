//! The state machine `run`, with the retries of its definition: it calls functions by name, and
//! when one ends without an answer it calls again, with the number of times it has.
//!
//! The machine itself is run by the emulator's interpreter in the end-to-end tests; this one is
//! here because thousands of runs must die in a minute. Its seconds are milliseconds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use runs::model::RunRef;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const DEFINITION: &str = include_str!("../../../functions/runs/workflows/run.asl.json");

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    Value(Value),
    Error {
        name: String,
        message: String,
    },
    /// Nothing: the function is gone.
    Killed,
}

/// Something that calls functions, the way Lambda does.
pub trait Invoke: Send + Sync + 'static {
    /// `retries` is how often the machine has tried before.
    fn invoke(
        &self,
        function: &'static str,
        event: Value,
        retries: u32,
    ) -> impl Future<Output = Answer> + Send;
}

pub struct Machine<I> {
    lambda: Arc<I>,
    definition: Arc<Value>,
}

impl<I> Clone for Machine<I> {
    fn clone(&self) -> Self {
        Self { lambda: Arc::clone(&self.lambda), definition: Arc::clone(&self.definition) }
    }
}

impl<I: Invoke> Machine<I> {
    pub fn new(lambda: Arc<I>) -> Self {
        let definition = serde_json::from_str(DEFINITION).expect("the state machine's definition");
        Self { lambda, definition: Arc::new(definition) }
    }

    /// Plans and works until the run is closed, and says how.
    pub async fn execute(&self, run: RunRef) -> Result<String> {
        let top = |name: &str| self.definition["States"][name].clone();
        let mut then = None;
        loop {
            let plan = match then.take() {
                Some(plan) => Ok(plan),
                None => self.task(&top("Plan"), "runs-plan", &json!(run)).await?,
            };
            let plan = match plan {
                Ok(plan) => plan,
                Err(failure) => return self.fail(run, None, &failure).await,
            };
            if plan["next"] == "finish" {
                let closed = self.task(&top("Finish"), "runs-finish", &json!(run)).await?;
                return match closed {
                    Ok(closed) => Ok(closed["state"].as_str().unwrap_or_default().to_owned()),
                    Err((name, message)) => bail!("finish: {name}: {message}"),
                };
            }
            let mut wave = JoinSet::new();
            for chosen in plan["steps"].as_array().cloned().unwrap_or_default() {
                let machine = self.clone();
                wave.spawn(async move { machine.step(run, chosen).await });
            }
            let mut failed = None;
            while let Some(ended) = wave.join_next().await {
                match ended?? {
                    Ok(report) => then = report.get("then").cloned().or(then),
                    Err(failure) => failed = failed.or(Some(failure)),
                }
            }
            if let Some((step, failure)) = failed {
                return self.fail(run, Some(step), &failure).await;
            }
        }
    }

    /// The step's last report, or the step and its failure.
    async fn step(&self, run: RunRef, chosen: Value) -> Result<Result<Value, (Value, Failure)>> {
        let (name, function) = match chosen["kind"].as_str() {
            Some("room") => ("Room", "runs-room"),
            _ => ("Step", "runs-step"),
        };
        let state = self.definition["States"]["Work"]["ItemProcessor"]["States"][name].clone();
        let step = &chosen["id"];
        let event = json!({ "tenant_id": run.tenant_id, "run_id": run.run_id, "step_id": step });
        loop {
            match self.task(&state, function, &event).await? {
                Ok(report) if report["next"] == "more" => {}
                Ok(report) => return Ok(Ok(report)),
                Err(failure) => return Ok(Err((step.clone(), failure))),
            }
        }
    }

    async fn fail(&self, run: RunRef, step: Option<Value>, failure: &Failure) -> Result<String> {
        let (error, cause) = failure;
        let event = json!({
            "tenant_id": run.tenant_id, "run_id": run.run_id, "step_id": step,
            "error": error, "cause": cause,
        });
        match self.task(&self.definition["States"]["Fail"], "runs-fail", &event).await? {
            Ok(closed) => Ok(closed["state"].as_str().unwrap_or_default().to_owned()),
            Err((name, message)) => bail!("fail: {name}: {message}"),
        }
    }

    /// A task with its state's retries.
    async fn task(
        &self,
        state: &Value,
        function: &'static str,
        event: &Value,
    ) -> Result<Result<Value, Failure>> {
        let rules = state["Retry"].as_array().cloned().unwrap_or_default();
        let mut used = vec![0; rules.len()];
        let mut retries = 0;
        loop {
            let mut event = event.clone();
            event["attempt"] = json!(retries);
            let (name, message) = match self.lambda.invoke(function, event, retries).await {
                Answer::Value(value) => return Ok(Ok(value)),
                Answer::Error { name, message } => (name, message),
                Answer::Killed => ("Runtime.ExitError".to_owned(), String::new()),
            };
            let knows = |rule: &Value| {
                rule["ErrorEquals"].as_array().is_some_and(|all| all.contains(&json!(name)))
            };
            let Some(at) = rules.iter().position(knows) else {
                return Ok(Err((name, message)));
            };
            used[at] += 1;
            if used[at] > rules[at]["MaxAttempts"].as_u64().unwrap_or_default() {
                return Ok(Err((name, message)));
            }
            let interval = rules[at]["IntervalSeconds"].as_u64().unwrap_or(1);
            tokio::time::sleep(Duration::from_millis(interval << retries)).await;
            retries += 1;
        }
    }
}

/// An error's name and its message.
type Failure = (String, String);
