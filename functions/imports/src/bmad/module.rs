//! `module.yaml`: the roster of a module's agents and the questions it asks when it is installed.

use super::{files, yaml};
use crate::bundle::Bundle;
use crate::model::Question;
use crate::report::Report;

pub(super) struct Module {
    pub(super) roster: Vec<Listed>,
    pub(super) questions: Vec<Question>,
}

/// An agent as the roster presents it to the others.
pub(super) struct Listed {
    pub(super) code: String,
    pub(super) team: String,
    pub(super) description: String,
}

pub(super) fn read(bundle: &Bundle, path: &str, report: &mut Report) -> Option<Module> {
    let text = files::text(bundle, path, report)?;
    let node = match yaml::parse(&text) {
        Ok(node) => node,
        Err(error) => {
            report.reject(path, format!("it is not YAML: {error}"));
            return None;
        }
    };
    let Some(code) = node.text_at("code") else {
        report.reject(path, "it has no `code`");
        return None;
    };
    let roster = node.get("agents").map(yaml::Node::items).unwrap_or_default();
    let roster = roster.iter().filter_map(|agent| listed(agent, &code)).collect();
    let questions =
        node.entries().iter().filter_map(|(key, value)| question(&code, key, value)).collect();
    Some(Module { roster, questions })
}

fn listed(agent: &yaml::Node, module: &str) -> Option<Listed> {
    Some(Listed {
        code: agent.text_at("code")?,
        team: agent.text_at("team").unwrap_or_else(|| module.to_owned()),
        description: agent.text_at("description").unwrap_or_default(),
    })
}

/// Every mapping with a `prompt` is a question, whatever its key.
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
