//! `cadre workflows`: `GET /v1/workflows`.

use crate::api::WORKFLOWS;
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::Step;
use crate::show::{json as show_json, line, table, time};

pub(crate) fn list(client: &Client, json: bool) -> Result<()> {
    let answer = client.list(&WORKFLOWS, None, &[], super::MOST)?;
    if json {
        return show_json(&answer.raw);
    }
    let rows: Vec<_> = answer
        .value
        .into_iter()
        .map(|workflow| {
            let latest = workflow.latest.unwrap_or_else(|| "draft".into());
            let steps = workflow.draft.steps.len().to_string();
            [workflow.slug, latest, steps, time(workflow.updated_at), workflow.draft.name]
        })
        .collect();
    table(["workflow", "version", "steps", "changed", "name"], &rows)
}

pub(crate) fn show(client: &Client, slug: &str, json: bool) -> Result<()> {
    let mut answer = client.list(&WORKFLOWS, None, &[("slug", slug)], 1)?;
    let Some(workflow) = answer.value.pop() else {
        let what = format!("no workflow is called {slug}");
        return Err(Failure::new(what).next("cadre workflows list"));
    };
    if json {
        return show_json(&answer.raw["items"][0]);
    }
    let latest = workflow.latest.map_or("not published".into(), |it| format!("version {it}"));
    line(&format!("{} ({}, {latest})", workflow.draft.name, workflow.slug))?;
    if !workflow.draft.description.is_empty() {
        line(&workflow.draft.description)?;
    }
    let rows: Vec<_> = workflow.draft.steps.into_iter().map(row).collect();
    table(["step", "who", "needs", "writes", ""], &rows)
}

fn row(step: Step) -> [String; 5] {
    let room = step.room.map(|room| room.members.join(", "));
    let review = if step.needs_review { "needs review" } else { "" };
    [
        step.id,
        step.agent.or(room).unwrap_or_default(),
        step.needs.join(", "),
        step.document.unwrap_or_default(),
        review.into(),
    ]
}
