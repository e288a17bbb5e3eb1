//! What is taken over has to fit into the record: a definition that does not is named, and the
//! others come without it.

use super::limits::{MAX_AGENT_NAME, MAX_PARTS, MAX_TEXT_BYTES, MAX_TITLE};
use super::slug::is_slug;
use crate::model::{AgentDef, WorkflowDef};

pub(super) fn agent(mut agent: AgentDef) -> Result<AgentDef, String> {
    name(&agent.slug)?;
    agent.name = short(&agent.name, &agent.slug, MAX_AGENT_NAME);
    let texts = [&agent.description, &agent.role, &agent.identity, &agent.instructions];
    if texts.iter().any(|text| text.len() > MAX_TEXT_BYTES) {
        let most = MAX_TEXT_BYTES / 1024;
        return Err(format!("one of its texts is longer than {most} KiB"));
    }
    Ok(agent)
}

pub(super) fn workflow(mut workflow: WorkflowDef) -> Result<WorkflowDef, String> {
    name(&workflow.slug)?;
    workflow.name = short(&workflow.name, &workflow.slug, MAX_TITLE);
    workflow.title = short(&workflow.title, &workflow.name, MAX_TITLE);
    if workflow.steps.len() > MAX_PARTS {
        return Err(format!("it has more than {MAX_PARTS} steps"));
    }
    Ok(workflow)
}

/// What stands in addresses.
pub(super) fn name(slug: &str) -> Result<(), String> {
    if is_slug(slug) {
        return Ok(());
    }
    Err(format!(
        "`{slug:.100}` is no name: use lower-case letters, digits and hyphens, at most 100"
    ))
}

/// PostgreSQL has no text with a NUL in it, and no definition needs one.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn short(text: &str, instead: &str, most: usize) -> String {
    let text = text.trim();
    if text.is_empty() { instead.to_owned() } else { text.chars().take(most).collect() }
}
