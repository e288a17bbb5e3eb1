//! `cadre follow`: `GET /v1/runs/{id}/events?after=`, again and again until the run has ended.

use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::api::{EVENTS, RUN};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::Event;
use crate::progress::Progress;
use crate::show::{json_line, line, money, shortened};

/// How often it is asked: soon after something happened, more seldom in a long silence.
const SOON: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(2);

pub(crate) fn run(mut client: Client, run: Uuid, json: bool) -> Result<()> {
    client.watch();
    let (mut after, mut begun) = (0, None);
    loop {
        for (event, raw) in news(&client, run, after).map_err(|failure| {
            failure.also(&format!("the run goes on; `cadre follow {run}` shows it"))
        })? {
            after = event.sequence;
            let begun = *begun.get_or_insert(event.at);
            if json {
                json_line(&raw)?;
            } else {
                show(&event, begun)?;
            }
            let Some(outcome) = event.kind.strip_prefix("run.").filter(|it| is_end(it)) else {
                continue;
            };
            if !json {
                total(&client, run)?;
            }
            return if outcome == "succeeded" { Ok(()) } else { Err(Failure::silent()) };
        }
    }
}

fn is_end(outcome: &str) -> bool {
    ["succeeded", "failed", "cancelled"].contains(&outcome)
}

/// What happened since, as soon as something has.
fn news(client: &Client, run: Uuid, after: i64) -> Result<Vec<(Event, Value)>> {
    let _shown = Progress::begin("the agents are at work");
    let mut pause = SOON;
    loop {
        let from = after.to_string();
        let page = client.get(&EVENTS, Some(run), &[("after", &from), ("limit", "100")])?;
        let raw = page.raw["items"].as_array().cloned().unwrap_or_default();
        let both = page.value.items.into_iter().zip(raw);
        let new: Vec<_> = both.filter(|(event, _)| event.sequence > after).collect();
        if !new.is_empty() {
            return Ok(new);
        }
        sleep(pause);
        pause = (pause * 2).min(SELDOM);
    }
}

fn show(event: &Event, begun: Timestamp) -> Result<()> {
    let at = format!("{:7.1} s", event.at.duration_since(begun).as_secs_f64());
    let step = event.step_id.as_deref().unwrap_or_default();
    let text = |key: &str| event.data[key].as_str().unwrap_or_default();
    let count = |key: &str| event.data[key].as_i64().unwrap_or_default();
    let line = |what: &str| line(&format!("{at}  {what}"));
    match event.kind.as_str() {
        "turn.taken" => {
            let who = format!("{} · {step} · {}", text("speaker"), text("reason"));
            let took = Duration::from_millis(count("duration_ms").unsigned_abs()).as_secs_f64();
            line(&format!(
                "{:<56} {:>6} → {:<6} {:>9} {took:>5.1} s",
                shortened(&who.replace(['\n', '\t'], " "), 56),
                count("input_tokens"),
                count("output_tokens"),
                money(event.data["cost_micros"].as_i64()),
            ))
        }
        "step.scheduled" => line(&format!("▸ {step}")),
        "step.succeeded" if event.data["document"].is_string() => {
            line(&format!("✓ {step} wrote {}", text("document")))
        }
        "step.succeeded" => line(&format!("✓ {step}")),
        "run.failed" => line(&format!("✗ failed at {step}: {} ({})", text("detail"), text("name"))),
        kind => line(format!("{} {step}", kind.replacen('.', " ", 1)).trim_end()),
    }
}

fn total(client: &Client, run: Uuid) -> Result<()> {
    let spend = client.get(&RUN, Some(run), &[])?.value.run.spend;
    line(&format!(
        "tokens {} → {}, {}; documents: cadre documents {run}",
        spend.input_tokens,
        spend.output_tokens,
        money(Some(spend.cost_micros))
    ))
}
