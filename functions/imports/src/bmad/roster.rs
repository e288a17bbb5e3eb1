//! What a module says about itself: who its agents are, and what it asks when it is installed.
//!
//! A module says it in `module.yaml`. An installed tree has the answers instead of the questions,
//! and the roster in `_bmad/config.toml`, under the team's and the user's own layers.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::settings::{json, parse, take_text};
use super::{files, merge, yaml};
use crate::bundle::Bundle;
use crate::model::Question;
use crate::report::Report;

#[derive(Default)]
pub(super) struct Roster {
    pub(super) agents: BTreeMap<String, Listed>,
    pub(super) questions: Vec<Question>,
    pub(super) modules: usize,
}

/// An agent as the roster presents it to the others.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) icon: Option<String>,
    pub(super) team: Option<String>,
    pub(super) description: String,
    /// From an installed tree, where people list agents of their own that are no skills.
    pub(super) installed: bool,
}

pub(super) fn read(bundle: &Bundle, paths: &[&str], report: &mut Report) -> Roster {
    let mut roster = Roster::default();
    for path in paths {
        if let Some(text) = files::text(bundle, path, report)
            && let Err(reason) = module(&text, &mut roster)
        {
            report.reject(path, reason);
        }
    }
    installed(bundle, &mut roster, report);
    roster
}

fn module(text: &str, roster: &mut Roster) -> Result<(), String> {
    let node = yaml::parse(text).map_err(|error| format!("it is not YAML: {error}"))?;
    let code = node.text_at("code").ok_or("it has no `code`")?;
    roster.modules += 1;
    for agent in node.get("agents").map(yaml::Node::items).unwrap_or_default() {
        let Some(slug) = agent.text_at("code") else { continue };
        let listed = Listed {
            name: agent.text_at("name"),
            title: agent.text_at("title"),
            icon: agent.text_at("icon"),
            team: agent.text_at("team").or_else(|| Some(code.clone())),
            description: agent.text_at("description").unwrap_or_default(),
            installed: false,
        };
        roster.agents.insert(slug, listed);
    }
    roster.questions.extend(node.entries().iter().filter_map(|(key, value)| {
        // Every mapping with a `prompt` is a question, whatever its key.
        question(&code, key, value)
    }));
    Ok(())
}

fn question(module: &str, key: &str, value: &yaml::Node) -> Option<Question> {
    let prompt = value.get("prompt")?.texts().join(" ");
    let choices = ["single-select", "multi-select"]
        .iter()
        .flat_map(|list| value.get(list).map(yaml::Node::items).unwrap_or_default())
        .filter_map(|choice| choice.text_at("value").or_else(|| choice.text()))
        .collect();
    Some(Question {
        module: module.to_owned(),
        key: key.to_owned(),
        prompt,
        default: value.get("default").map(yaml::Node::to_json),
        result: value.text_at("result"),
        personal: value.text_at("scope").as_deref() == Some("user"),
        choices,
    })
}

/// Four layers: what the installer wrote, for all and for one, and what they changed since.
fn installed(bundle: &Bundle, roster: &mut Roster, report: &mut Report) {
    let mut config = Table::new();
    for path in [
        "_bmad/config.toml",
        "_bmad/config.user.toml",
        "_bmad/custom/config.toml",
        "_bmad/custom/config.user.toml",
    ] {
        let Some(text) = files::text(bundle, path, report) else { continue };
        let merged = parse(&text).and_then(|layer| {
            merge(&config, &layer, &Table::new()).map_err(|fault| fault.to_string())
        });
        match merged {
            Ok(merged) => config = merged,
            Err(reason) => report.reject(path, reason),
        }
    }
    let table = |value: Option<Value>| match value {
        Some(Value::Table(table)) => table,
        _ => Table::new(),
    };
    for (slug, agent) in table(config.remove("agents")) {
        let mut agent = table(Some(agent));
        let listed = Listed {
            name: take_text(&mut agent, "name"),
            title: take_text(&mut agent, "title"),
            icon: take_text(&mut agent, "icon"),
            team: take_text(&mut agent, "team").or_else(|| take_text(&mut agent, "module")),
            description: take_text(&mut agent, "description").unwrap_or_default(),
            installed: true,
        };
        roster.agents.insert(slug, listed);
    }
    let modules = table(config.remove("modules"));
    roster.modules += modules.len();
    let core = ("core".to_owned(), Value::Table(table(config.remove("core"))));
    for (module, answers) in modules.into_iter().chain([core]) {
        for (key, answer) in json(table(Some(answers))) {
            roster.questions.push(Question {
                module: module.clone(),
                key,
                prompt: String::new(),
                default: Some(answer),
                result: None,
                personal: false,
                choices: Vec::new(),
            });
        }
    }
}
