//! `cadre explain`: each turn's prompt by its layers, from `GET /v1/conversations/{id}/messages`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{MESSAGES, RUN};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::Message;
use crate::show::{json as show_json, line, money, table};

pub(crate) fn run(client: &Client, run: Uuid, only: Option<&str>, json: bool) -> Result<()> {
    let steps = client.get(&RUN, Some(run), &[])?.value.steps;
    if let Some(only) = only
        && !steps.iter().any(|step| step.id == only)
    {
        let names: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
        return Err(Failure::new(format!("the run has no step {only}"))
            .next(format!("its steps are: {}", names.join(", "))));
    }
    let mut turns = Vec::new();
    for step in steps.iter().filter(|step| only.is_none_or(|only| step.id == only)) {
        let said = client.list(&MESSAGES, Some(step.conversation_id), &[], super::MOST)?;
        if json {
            for mut turn in said.raw["items"].as_array().cloned().unwrap_or_default() {
                turn["step_id"] = step.id.as_str().into();
                turns.push(turn);
            }
            continue;
        }
        said.value.iter().try_for_each(|message| show(&step.id, message))?;
    }
    if json { show_json(&json!({ "items": turns })) } else { Ok(()) }
}

fn show(step: &str, message: &Message) -> Result<()> {
    let usage = &message.usage;
    let estimated = if usage.estimated { " (estimated)" } else { "" };
    line(&format!(
        "{step} · turn {} · {}@{}\n  why: {}\n  {} by {}: tokens {} → {}{estimated}, {}, {} ms, {} calls",
        message.sequence,
        message.speaker,
        message.agent_version,
        message.reason,
        usage.model,
        usage.provider,
        usage.input_tokens,
        usage.output_tokens,
        money(usage.cost_micros),
        usage.duration_ms,
        usage.calls,
    ))?;
    let rows: Vec<_> = message.context.as_array().into_iter().flatten().map(layer).collect();
    if rows.is_empty() {
        line("  no layers are on record")?;
    } else {
        table(["layer", "source", "tokens", "in prompt", "left out"], &rows)?;
    }
    line("")
}

fn layer(layer: &Value) -> [String; 5] {
    let text = |key: &str| layer[key].as_str().unwrap_or("?").to_owned();
    let (all, kept) = (layer["tokens"].as_i64(), layer["included_tokens"].as_i64());
    let told = |count: Option<i64>| count.map_or("?".into(), |count| count.to_string());
    let left = all.zip(kept).map(|(all, kept)| all.saturating_sub(kept));
    [text("layer"), text("source"), told(all), told(kept), told(left)]
}
