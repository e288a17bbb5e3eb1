//! A workflow of generation A: YAML with its steps in a `sequence`, in `steps`, in `phases` or in
//! several `*_sequence` lists.

use serde_json::{Map, Value};

use super::embedded_agent::Found;
use super::embedded_step::{self, Course};
use super::library::Library;
use super::limits::MAX_PARTS;
use super::pack::Pack;
use super::yaml::Node;
use super::{files, fit, yaml};
use crate::bundle::Bundle;
use crate::model::WorkflowDef;
use crate::report::Report;

/// A list of steps, with the key it stood under.
struct Line<'a> {
    key: String,
    steps: &'a [Node],
    course: Course,
}

pub(super) fn read(
    bundle: &Bundle,
    pack: (usize, &Pack),
    path: &str,
    agents: &[Found],
    library: &Library,
    report: &mut Report,
) -> Option<WorkflowDef> {
    let text = files::text(bundle, path, report)?;
    let node = match yaml::parse(&text) {
        Ok(node @ Node::Map(_)) => node,
        Ok(_) => {
            report.reject(path, "it is a text and not the YAML of a workflow");
            return None;
        }
        Err(error) => {
            report.reject(path, format!("it is not YAML: {error}"));
            return None;
        }
    };
    // Some have the steps at the root, without the key `workflow`.
    let flow = node.get("workflow").filter(|flow| matches!(flow, Node::Map(_))).unwrap_or(&node);
    let lines = lines(flow);
    if lines.iter().all(|line| line.steps.is_empty()) {
        report.reject(path, "it has no steps: no `sequence`, `steps`, `phases` or `*_sequence`");
        return None;
    }
    if lines.iter().map(|line| line.steps.len()).sum::<usize>() > MAX_PARTS {
        report.reject(path, format!("it has more than {MAX_PARTS} steps"));
        return None;
    }
    let stem = files::stem(path);
    let id = flow.text_at("id").unwrap_or_else(|| stem.to_owned());
    let slug = pack.1.slug(&id);
    let mut steps = embedded_step::Steps::new(&slug, pack.0, agents, library, report);
    for (at, line) in lines.iter().enumerate() {
        let label = (lines.len() > 1).then_some(line.key.as_str());
        steps.line(line.steps, label, line.course, at > 0);
    }
    let name = flow.text_at("name").unwrap_or_else(|| id.clone());
    let workflow = WorkflowDef {
        title: flow.text_at("title").unwrap_or_else(|| name.clone()),
        name,
        description: flow.text_at("description").unwrap_or_default(),
        steps: steps.finish(),
        settings: settings(&node, flow),
        facts: Vec::new(),
        lenses: Vec::new(),
        review_layers: Vec::new(),
        on_complete: Vec::new(),
        body: String::new(),
        source: path.to_owned(),
        files: Vec::new(),
        slug,
    };
    fit::workflow(workflow).map_err(|reason| report.reject(path, reason)).ok()
}

fn lines(flow: &Node) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (key, value) in flow.entries() {
        match (key.as_str(), value) {
            ("steps", Node::List(steps)) => {
                lines.push(Line { key: key.clone(), steps, course: Course::Inputs });
            }
            ("phases", Node::Map(phases)) => {
                for (phase, steps) in phases {
                    lines.push(Line {
                        key: phase.clone(),
                        steps: steps.items(),
                        course: Course::Phases,
                    });
                }
            }
            (name, Node::List(steps)) if is_sequence(name) => {
                lines.push(Line { key: key.clone(), steps, course: Course::Sequence });
            }
            _ => {}
        }
    }
    lines
}

fn is_sequence(key: &str) -> bool {
    key == "sequence" || key.ends_with("_sequence")
}

/// Everything that is neither steps nor a name, kept as it is: guidance, hand-over texts, a
/// diagram.
fn settings(node: &Node, flow: &Node) -> Map<String, Value> {
    const READ: [&str; 7] = ["workflow", "id", "name", "title", "description", "steps", "phases"];
    let mut settings = flow.to_map(&READ);
    settings.retain(|key, value| !(is_sequence(key) && value.is_array()));
    if node.get("workflow").is_some() {
        settings.extend(node.to_map(&["workflow"]));
    }
    settings
}
