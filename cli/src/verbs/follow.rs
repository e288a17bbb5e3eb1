//! `cadre follow`: `GET /v1/runs/{id}/stream` as it happens; where that is not there,
//! `GET /v1/runs/{id}/events?after=`, again and again until the run has ended.

use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::api::{EVENTS, RUN, STREAM};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::Event;
use crate::progress::Progress;
use crate::show::{json_line, line, money, shortened};
use crate::sse::Sent;
use crate::verbs::talk::Talk;

/// How often it is asked: soon after something happened, more seldom in a long silence.
const SOON: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(2);
/// Streams that ended without a word, until the other way is tried.
const IN_VAIN: u32 = 3;

pub(crate) fn run(mut client: Client, run: Uuid, json: bool) -> Result<()> {
    client.watch();
    let mut shown = Shown { json, after: 0, begun: None, talk: Talk::default() };
    let outcome = match live(&client, run, &mut shown)? {
        Some(outcome) => outcome,
        None => again_and_again(&client, run, &mut shown)?,
    };
    if !json {
        total(&client, run)?;
    }
    if outcome == "succeeded" { Ok(()) } else { Err(Failure::silent()) }
}

/// What was shown, over both ways to follow.
struct Shown {
    json: bool,
    after: i64,
    begun: Option<Timestamp>,
    talk: Talk,
}

impl Shown {
    /// How the run ended, if this is the event that says so.
    fn event(&mut self, event: &Event, raw: &Value) -> Result<Option<String>> {
        if event.sequence <= self.after {
            return Ok(None);
        }
        self.after = event.sequence;
        let begun = *self.begun.get_or_insert(event.at);
        if self.json {
            json_line(raw)?;
        } else {
            if event.kind == "turn.taken" {
                let step = event.step_id.as_deref().unwrap_or_default();
                self.talk.taken(step, event.data["turn"].as_i64().unwrap_or_default())?;
            }
            self.talk.pause()?;
            show(event, begun)?;
            self.talk.next()?;
        }
        let outcome = event.kind.strip_prefix("run.").filter(|outcome| is_end(outcome));
        Ok(outcome.map(str::to_owned))
    }

    fn sent(&mut self, sent: &Sent) -> Result<Option<String>> {
        match sent.kind.as_str() {
            "turn.began" | "turn.text" | "turn.reset" if self.json => Ok(None),
            "turn.began" | "turn.text" | "turn.reset" => self.talk.hear(sent).map(|()| None),
            "end" => Ok(sent.data["state"].as_str().map(str::to_owned)),
            // What we do not know is for newer programs than we are.
            _ => match serde_json::from_value::<Event>(sent.data.clone()) {
                Ok(event) => self.event(&event, &sent.data),
                Err(_) => Ok(None),
            },
        }
    }
}

/// As it happens. `None` where that cannot be had: then it is asked for again and again, which also
/// says best what is wrong.
fn live(client: &Client, run: Uuid, shown: &mut Shown) -> Result<Option<String>> {
    let mut id: Option<String> = None;
    let mut in_vain = 0;
    while in_vain < IN_VAIN {
        let Some(mut stream) = client.stream(&STREAM, run, id.as_deref()) else { return Ok(None) };
        in_vain += 1;
        while let Some(sent) = stream.next() {
            if let Some(outcome) = shown.sent(&sent)? {
                return Ok(Some(outcome));
            }
            if sent.id.is_some() {
                (id, in_vain) = (sent.id, 0);
            }
        }
        sleep(SOON);
    }
    Ok(None)
}

fn again_and_again(client: &Client, run: Uuid, shown: &mut Shown) -> Result<String> {
    loop {
        let news = news(client, run, shown.after).map_err(|failure| {
            failure.also(&format!("the run goes on; `cadre follow {run}` shows it"))
        });
        for (event, raw) in news? {
            if let Some(outcome) = shown.event(&event, &raw)? {
                return Ok(outcome);
            }
        }
    }
}

fn is_end(outcome: &str) -> bool {
    ["succeeded", "failed", "stopped", "cancelled"].contains(&outcome)
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
        "run.stopped" => {
            line(&format!("✗ stopped at {step}: {} ({})", text("detail"), text("name")))
        }
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
