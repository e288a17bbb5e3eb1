//! `cadre import`: `POST /v1/imports`, and the report of what was taken over and what was not.

mod pack;

use std::path::Path;

use crate::api::IMPORT;
use crate::client::Client;
use crate::failure::Result;
use crate::model::{Outcome, Report, Stored};
use crate::show::{json as show_json, line, table};

pub(crate) fn run(client: &Client, from: &Path, json: bool) -> Result<()> {
    let (kind, bytes) = pack::read(from)?;
    let answer = client.post(&IMPORT, None, Some((kind, &bytes)), None)?;
    if json {
        return show_json(&answer.raw);
    }
    if answer.value.replayed {
        line("The same bundle was imported before: nothing was done now. Then:")?;
    }
    outcome(&answer.value.outcome)?;
    report(&answer.value.outcome.report)?;
    line(&format!("import {}", answer.value.id))
}

fn outcome(outcome: &Outcome) -> Result<()> {
    let row = |name: &str, stored: &Stored| {
        let counts = [stored.created.len(), stored.updated.len(), stored.unchanged.len()];
        let [created, updated, unchanged] = counts.map(|count| count.to_string());
        [name.to_owned(), created, updated, unchanged, stored.merged.len().to_string()]
    };
    let rows = [
        row("agents", &outcome.agents),
        row("members", &outcome.members),
        row("workflows", &outcome.workflows),
    ];
    table(["imported", "new", "updated", "unchanged", "merged"], &rows)?;
    line(&format!(
        "{} workflows are published, {} stay drafts; {} rooms, {} old names, {} attachments",
        outcome.published_workflows.len(),
        outcome.draft_workflows.len(),
        outcome.rooms,
        outcome.aliases,
        outcome.attachments
    ))?;
    for draft in &outcome.draft_workflows {
        line(&format!("draft: {}: {}", draft.workflow, draft.why))?;
    }
    let stored = [&outcome.agents, &outcome.members, &outcome.workflows];
    for merged in stored.iter().flat_map(|stored| &stored.merged) {
        let ours = merged.kept_ours.len();
        if ours > 0 {
            line(&format!("merged: {}: ours was kept in {ours} places", merged.slug))?;
        }
    }
    Ok(())
}

fn report(report: &Report) -> Result<()> {
    let counts: Vec<_> = report.counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
    line(&format!("found: {}", counts.join(", ")))?;
    for it in &report.unresolved {
        line(&format!("nobody is called {}, in {}: {}", it.name, it.within, it.treated_as))?;
    }
    for it in &report.rejected {
        line(&format!("refused: {}: {}", it.path, it.reason))?;
    }
    for it in &report.needs_review {
        line(&format!("to review: {}, step {}: {}", it.workflow, it.step, it.why))?;
    }
    for warning in &report.warnings {
        line(&format!("warning: {warning}"))?;
    }
    let (missing, more) = (report.missing.len(), report.not_listed);
    if missing > 0 {
        line(&format!("{missing} files are named and not there: --json lists them"))?;
    }
    if more > 0 {
        line(&format!("{more} more are not listed"))?;
    }
    report.licence_notice.as_deref().map_or(Ok(()), line)
}
