//! Following a run: every event as it happens, until the run has ended.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::Value;

use super::{api::Api, show};
use crate::{interrupt, progress::Step, stack::Stack};

const POLL: Duration = Duration::from_millis(150);
/// The smallest model on a busy laptop needs minutes, not an hour.
const LONGEST: Duration = Duration::from_mins(45);

/// The run, once it has ended.
pub(super) fn follow(stack: &mut Stack, api: &Api, run: &str) -> Result<Value> {
    let begun = Instant::now();
    let mut after = 0;
    show::live_head();
    let mut waiting = Step::begin("working");
    loop {
        if interrupt::asked() {
            waiting.clear();
            let _ = api.post(&format!("/v1/runs/{run}/cancel"), &Value::Null);
            bail!("interrupted: the run was cancelled");
        }
        if begun.elapsed() > LONGEST {
            bail!("the run did not end within {} minutes", LONGEST.as_secs() / 60);
        }
        stack.check()?;
        let events = api.get(&format!("/v1/runs/{run}/events?limit=100&after={after}"))?;
        let events = events["items"].as_array().cloned().unwrap_or_default();
        if !events.is_empty() {
            waiting.clear();
            for event in &events {
                after = event["sequence"].as_i64().unwrap_or(after);
                show::event(api, begun, event);
            }
            waiting = Step::begin("working");
        }
        if events.iter().any(|event| ended(event["kind"].as_str())) {
            waiting.clear();
            return api.get(&format!("/v1/runs/{run}"));
        }
        waiting.tick("");
        sleep(POLL);
    }
}

fn ended(kind: Option<&str>) -> bool {
    matches!(kind, Some("run.succeeded" | "run.failed" | "run.stopped" | "run.cancelled"))
}
