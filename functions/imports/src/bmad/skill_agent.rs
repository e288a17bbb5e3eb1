//! An agent of generation D: a skill whose settings have a table `[agent]`.

use toml::Table;

use super::limits::MAX_PARTS;
use super::roster::Listed;
use super::settings::{json, take_tables, take_text, take_texts};
use super::skills::Skill;
use super::{activation, prose};
use crate::model::{AgentDef, Capability};
use crate::report::Report;

/// `resolve` turns the name of a skill, or an old name for it, into a slug.
pub(super) fn read(
    skill: &Skill,
    listed: Option<&Listed>,
    resolve: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> AgentDef {
    let mut table = skill.table("agent");
    let stripped = activation::strip(&skill.body);
    report.count("activation_steps_stripped", stripped.removed);
    prose::count_scripts(&stripped.text, &mut report.script_calls);
    let first = take_texts(&mut table, "activation_steps_prepend");
    let then = take_texts(&mut table, "activation_steps_append");
    let menu = take_tables(&mut table, "menu");
    let capabilities = menu
        .into_iter()
        .take(MAX_PARTS)
        .filter_map(|item| capability(skill, item, resolve, report))
        .collect();
    let mut agent = AgentDef {
        slug: skill.slug.clone(),
        name: take_text(&mut table, "name").unwrap_or_else(|| skill.slug.clone()),
        title: take_text(&mut table, "title"),
        icon: take_text(&mut table, "icon"),
        team: listed.and_then(|listed| listed.team.clone()),
        description: listed
            .map(|listed| listed.description.clone())
            .filter(|description| !description.is_empty())
            .unwrap_or_else(|| skill.description.clone()),
        role: take_text(&mut table, "role").unwrap_or_default(),
        identity: take_text(&mut table, "identity").unwrap_or_default(),
        communication_style: take_text(&mut table, "communication_style").unwrap_or_default(),
        principles: take_texts(&mut table, "principles"),
        facts: take_texts(&mut table, "persistent_facts"),
        instructions: instructions(&stripped.text, &first, &then),
        capabilities,
        language: None,
        source: skill.path(),
        files: Vec::new(),
        extensions: serde_json::Map::new(),
    };
    agent.extensions = json(table);
    agent.extensions.insert("trigger".to_owned(), skill.description.clone().into());
    agent
}

/// Somebody's own agent: in the roster, with a name and a character, but without a skill.
pub(super) fn listed_only(slug: &str, listed: &Listed) -> AgentDef {
    AgentDef {
        slug: slug.to_owned(),
        name: listed.name.clone().unwrap_or_else(|| slug.to_owned()),
        title: listed.title.clone(),
        icon: listed.icon.clone(),
        team: listed.team.clone(),
        description: listed.description.clone(),
        role: listed.title.clone().unwrap_or_default(),
        identity: listed.description.clone(),
        communication_style: String::new(),
        principles: Vec::new(),
        facts: Vec::new(),
        instructions: String::new(),
        capabilities: Vec::new(),
        language: None,
        source: "_bmad/config.toml".to_owned(),
        files: Vec::new(),
        extensions: serde_json::Map::new(),
    }
}

/// The text without its title: the name is a field of its own.
fn instructions(text: &str, first: &[String], then: &[String]) -> String {
    let body = match text.split_once('\n') {
        Some((title, rest)) if title.starts_with("# ") => rest.trim_start(),
        _ => text,
    };
    let body = body.strip_prefix("## Overview\n").map_or(body, str::trim_start);
    let mut instructions = body.trim().to_owned();
    for (heading, steps) in [("Before anything else", first), ("Before the first task", then)] {
        if !steps.is_empty() {
            instructions.extend(["\n\n## ", heading, "\n\n- ", &steps.join("\n- ")]);
        }
    }
    instructions
}

fn capability(
    skill: &Skill,
    mut item: Table,
    resolve: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Option<Capability> {
    let path = skill.path();
    let Some(code) = take_text(&mut item, "code") else {
        report.warn(format!("{path}: a menu item has no `code`; it is left out"));
        return None;
    };
    let description = take_text(&mut item, "description").unwrap_or_default();
    let prompt = take_text(&mut item, "prompt");
    let named = take_text(&mut item, "skill");
    if prompt.is_some() == named.is_some() {
        report.warn(format!(
            "{path}: menu item `{code}` needs exactly one of `skill` and `prompt`; it is left out"
        ));
        return None;
    }
    report.count("menu_items", 1);
    report.count(if named.is_some() { "menu_skills" } else { "menu_prompts" }, 1);
    let slug = named.as_deref().and_then(resolve);
    if let (Some(named), None) = (&named, &slug) {
        report.missing(&path, named.clone());
    }
    Some(Capability {
        code,
        description,
        skill: slug.or(named),
        prompt,
        args: Vec::new(),
        files: Vec::new(),
    })
}
