//! `cadre diff`: `GET /v1/runs/{id}/diff`.

use uuid::Uuid;

use crate::api::DIFF;
use crate::client::Client;
use crate::failure::Result;
use crate::model::{Said, StepSide};
use crate::show::{json as show_json, line, money, shortened, table};

/// Of a turn's text, on a line of its own.
const EXCERPT: usize = 100;

pub(crate) fn run(client: &Client, run: Uuid, with: Uuid, json: bool) -> Result<()> {
    let answer = client.get(&DIFF, Some(run), &[("with", &with.to_string())])?;
    if json {
        return show_json(&answer.raw);
    }
    let found = answer.value;
    if !found.same_workflow {
        line("They are of different workflows, or of different versions of one.")?;
    }
    if !found.same_brief {
        line("Their briefs differ.")?;
    }
    let rows: Vec<_> = found
        .steps
        .iter()
        .map(|step| {
            let same = match &step.first_difference {
                Some(first) => format!("{}, then turn {} differs", step.same_turns, first.turn),
                None => format!("all {}", step.same_turns),
            };
            [step.id.clone(), side(step.left.as_ref()), side(step.right.as_ref()), same]
        })
        .collect();
    table(["step", "this run", "the other", "same turns"], &rows)?;
    for step in &found.steps {
        if let Some(first) = &step.first_difference {
            line(&format!("\n{} · turn {}", step.id, first.turn))?;
            said("this run ", first.left.as_ref())?;
            said("the other", first.right.as_ref())?;
        }
    }
    Ok(())
}

fn side(side: Option<&StepSide>) -> String {
    side.map_or_else(
        || "no such step".into(),
        |side| format!("{}, {} turns, {}", side.state, side.turns, money(Some(side.cost_micros))),
    )
}

fn said(whose: &str, said: Option<&Said>) -> Result<()> {
    match said {
        Some(said) => line(&format!(
            "  {whose}  {}: {}\n             why: {}",
            said.speaker,
            shortened(&on_one_line(&said.content), EXCERPT),
            said.reason
        )),
        None => line(&format!("  {whose}  has no such turn")),
    }
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
