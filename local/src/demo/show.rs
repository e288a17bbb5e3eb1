//! What a person sees of the import, the run and its outcome.

use std::time::Instant;

use serde_json::Value;

use super::{
    Saved,
    api::{Api, text},
};
use crate::{paths::Paths, progress::say, table::table};

/// Longest quotation of a turn.
const QUOTE: usize = 96;

pub(super) fn import(import: &Value) {
    let outcome = &import["outcome"];
    let counts = &outcome["report"]["counts"];
    let stored = |kind: &str| {
        let of = |what: &str| outcome[kind][what].as_array().map_or(0, Vec::len).to_string();
        let merged = of("merged");
        [kind.to_owned(), of("created"), of("updated"), of("unchanged"), merged]
    };
    let rows = [stored("agents"), stored("members"), stored("workflows")];
    say(&table(["imported", "new", "updated", "unchanged", "merged"], &rows));
    let published = outcome["published_workflows"].as_array().map_or(0, Vec::len);
    let drafts = outcome["draft_workflows"].as_array().map_or(0, Vec::len);
    say(&format!(
        "  {published} workflows are published, {drafts} stay drafts until a person has looked at them;\n  \
         {} rooms, {} old names, {} files kept and never run.",
        outcome["rooms"], outcome["aliases"], outcome["attachments"]
    ));
    let report = &outcome["report"];
    let list = |key: &str| report[key].as_array().map_or(0, Vec::len);
    say(&format!(
        "  The report: {} names without an agent, {} files refused, {} warnings, {} steps to review; counts:",
        list("unresolved"),
        list("rejected"),
        list("warnings"),
        list("needs_review")
    ));
    let counts = counts.as_object().into_iter().flatten();
    let counts: Vec<_> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    for line in wrapped(&counts.join(" · "), 92) {
        say(&format!("    {line}"));
    }
}

/// Who spoke how much, and whether the room agreed, argued or went in circles.
pub(super) fn analytics(found: &Value) {
    let voices = found["voices"].as_array().into_iter().flatten();
    let row = |voice: &Value| {
        let number = |key: &str| voice[key].to_string();
        [
            text(&voice["member"]).to_owned(),
            number("turns"),
            format!("{} %", number("share_percent")),
            number("tokens"),
            number("repeats"),
        ]
    };
    let rows: Vec<_> = voices.map(row).collect();
    say(&table(["voice", "turns", "of all words", "tokens", "repeats"], &rows));
    let agreement = &found["agreement"];
    say(&format!(
        "  Verdict: {}. Positions were alike by {} % at first and {} % at the end; {} % of the words \
         after the first takes were new.",
        text(&found["verdict"]).replace('_', " "),
        agreement["first"],
        agreement["last"],
        agreement["new_words"]
    ));
    let minority = found["minority"].as_array().into_iter().flatten();
    for one in minority {
        let kept = if one["kept"] == true { "still held" } else { "given up" };
        say(&format!(
            "  Against it, {kept}: {}: “{}”",
            text(&one["member"]),
            shortened(&text(&one["position"]).replace('\n', " "), 80)
        ));
    }
}

pub(super) fn live_head() {
    say(
        "\n     time  who speaks, and why                                     tokens in → out   cost    took",
    );
}

/// One line for what happened, and a line of what was said.
pub(super) fn event(api: &Api, begun: Instant, event: &Value) {
    let data = &event["data"];
    let at = format!("{:7.1} s", begun.elapsed().as_secs_f64());
    let step = text(&event["step_id"]);
    match text(&event["kind"]) {
        "turn.taken" => {
            let who = format!("{} · {step} · {}", text(&data["speaker"]), text(&data["reason"]));
            say(&format!(
                "{at}  {:<56} {:>6} → {:<6} {:>7} {:>5.1} s",
                shortened(&who, 56),
                data["input_tokens"],
                data["output_tokens"],
                money(&data["cost_micros"]),
                data["duration_ms"].as_f64().unwrap_or_default() / 1000.0
            ));
            if let Some(quote) = quote(api, data) {
                say(&format!("             “{quote}”"));
            }
        }
        "step.scheduled" => say(&format!("{at}  ▸ {step}")),
        "step.succeeded" => match data["document"].as_str() {
            Some(name) => say(&format!("{at}  ✓ {step} wrote {name}")),
            None => say(&format!("{at}  ✓ {step}")),
        },
        "run.failed" => {
            say(&format!("{at}  ✗ the run failed at {step}: {}", text(&data["detail"])));
        }
        "run.stopped" => {
            say(&format!("{at}  ✗ the run was stopped at {step}: {}", text(&data["detail"])));
        }
        "run.queued" | "run.started" => {}
        kind => say(&format!("{at}  {kind}")),
    }
}

fn quote(api: &Api, data: &Value) -> Option<String> {
    let path = format!("/v1/conversations/{}/messages?limit=100", text(&data["conversation_id"]));
    let messages = api.get(&path).ok()?;
    let mut all = messages["items"].as_array()?.iter();
    let said = text(&all.find(|message| message["sequence"] == data["turn"])?["content"]);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(shortened(&words, QUOTE))
}

/// The run's steps, what they cost, and where the documents are.
pub(super) fn summary(run: &Value, documents: &[Saved], paths: &Paths) {
    let steps = run["steps"].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<[String; 7]> = steps.iter().map(row).collect();
    let spend = &run["spend"];
    rows.push([
        "total".into(),
        text(&run["state"]).into(),
        String::new(),
        took(run),
        spend["input_tokens"].to_string(),
        spend["output_tokens"].to_string(),
        money(&spend["cost_micros"]),
    ]);
    say("");
    say(&table(["step", "state", "turns", "took", "tokens in", "out", "cost"], &rows));
    say("  Documents");
    for Saved { path, bytes, .. } in documents {
        say(&format!("    {} ({bytes} bytes)", paths.short(path)));
    }
}

fn row(step: &Value) -> [String; 7] {
    [
        text(&step["id"]).into(),
        text(&step["state"]).into(),
        step["turns"].to_string(),
        took(step),
        step["input_tokens"].to_string(),
        step["output_tokens"].to_string(),
        money(&step["cost_micros"]),
    ]
}

/// Between two times of one day, in seconds: RFC 3339 with `Z`, as the API writes them.
fn took(value: &Value) -> String {
    let seconds = |key: &str| {
        let time = text(&value[key]).split('T').nth(1)?.strip_suffix('Z')?;
        let mut parts = time.split(':').map(|part| part.parse::<f64>().unwrap_or_default());
        Some(parts.next()? * 3600.0 + parts.next()? * 60.0 + parts.next()?)
    };
    match (seconds("started_at"), seconds("ended_at")) {
        (Some(from), Some(to)) => format!("{:.1} s", (to - from).rem_euclid(86_400.0)),
        _ => "-".into(),
    }
}

/// Millionths of a dollar; a price that nobody knows is not zero.
fn money(micros: &Value) -> String {
    match micros.as_f64() {
        Some(0.0) => "$0".into(),
        Some(micros) => format!("${:.4}", micros / 1e6),
        None => "unknown".into(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split(" · ") {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + part.chars().count() + 3 > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push_str(" · ");
            }
            line.push_str(part);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{money, shortened, took, wrapped};

    #[test]
    fn a_step_over_midnight_took_seconds() {
        let step =
            json!({ "started_at": "2026-11-23T23:59:59.5Z", "ended_at": "2026-11-24T00:00:01Z" });
        assert_eq!(took(&step), "1.5 s");
        assert_eq!(took(&json!({})), "-");
    }

    #[test]
    fn an_unknown_price_is_not_zero() {
        assert_eq!(money(&json!(null)), "unknown");
        assert_eq!(money(&json!(0)), "$0");
        assert_eq!(money(&json!(12_300)), "$0.0123");
    }

    #[test]
    fn texts_fit() {
        assert_eq!(shortened("naïveté", 4), "naï…");
        assert_eq!(wrapped("a 1 · b 2 · c 3", 9), ["a 1 · b 2", "c 3"]);
    }
}
