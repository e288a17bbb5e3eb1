//! An agent of generation A: a Markdown file with its definition in one fenced block of YAML.

use serde_json::Map;

use super::limits::MAX_PARTS;
use super::pack::Pack;
use super::yaml::Node;
use super::{command, files, fit, yaml};
use crate::bundle::Bundle;
use crate::model::AgentDef;
use crate::report::Report;

/// What every agent is told about being started; anything else among the instructions is its own.
const ACTIVATION: [&str; 11] = [
    "step ",
    "do not: load any other agent files",
    "only load dependency files",
    "the agent.customization field",
    "critical workflow rule: when executing tasks",
    "mandatory interaction rule: tasks with elicit",
    "critical rule: when executing formal task",
    "when listing tasks/templates",
    "stay in character",
    "critical: on activation, only greet",
    "load resources only when needed - never pre-load (exception",
];

/// An agent, with the two names by which others may call it.
pub(super) struct Found {
    pub(super) agent: AgentDef,
    pub(super) pack: usize,
    pub(super) id: String,
    pub(super) stem: String,
}

pub(super) fn read(
    bundle: &Bundle,
    packs: &[Pack],
    pack: usize,
    path: &str,
    report: &mut Report,
) -> Option<Found> {
    let text = files::text(bundle, path, report)?;
    let read = parse(&text).and_then(|(node, tail)| {
        let found = found(bundle, packs, pack, path, &node, &tail, report);
        Ok(Found { agent: fit::agent(found.agent)?, ..found })
    });
    read.map_err(|reason| report.reject(path, reason)).ok()
}

/// The definition and the prose after it. What stands before it only says that it follows.
pub(super) fn parse(text: &str) -> Result<(Node, String), String> {
    let mut rest = text;
    let mut fault = "it has no fenced block of YAML with an `agent`".to_owned();
    while let Some((block, after)) = fenced(rest) {
        match yaml::parse(block) {
            Ok(node) if node.get("agent").is_some() => return Ok((node, after.trim().to_owned())),
            Ok(_) => {}
            Err(error) => fault = format!("its definition is not YAML: {error}"),
        }
        rest = after;
    }
    Err(fault)
}

fn fenced(text: &str) -> Option<(&str, &str)> {
    let open = ["```yaml\n", "```yml\n"]
        .iter()
        .filter_map(|mark| Some((text.find(mark)?, mark.len())))
        .min()?;
    let inside = &text[open.0 + open.1..];
    inside.split_once("\n```")
}

fn found(
    bundle: &Bundle,
    packs: &[Pack],
    pack: usize,
    path: &str,
    node: &Node,
    tail: &str,
    report: &mut Report,
) -> Found {
    let null = Node::Null;
    let about = node.get("agent").unwrap_or(&null);
    let persona = node.get("persona").unwrap_or(&null);
    let stem = files::stem(path).to_owned();
    let id = about.text_at("id").unwrap_or_else(|| stem.clone());
    let dependencies = dependencies(bundle, packs, pack, path, node, report);
    let mut capabilities = command::read(node.get("commands").unwrap_or(&null), report);
    for capability in &mut capabilities {
        let text = capability.prompt.as_deref().unwrap_or_default();
        capability.files =
            dependencies.iter().filter(|file| names(text, files::stem(file))).cloned().collect();
    }
    // In the persona or beside it.
    let principles = |of: &Node| of.get("core_principles").map(lines).unwrap_or_default();
    let agent = AgentDef {
        slug: packs[pack].slug(&stem),
        name: about.text_at("name").unwrap_or_else(|| id.clone()),
        title: about.text_at("title"),
        icon: about.text_at("icon"),
        team: Some(packs[pack].title.clone()),
        description: about
            .text_at("whenToUse")
            .or_else(|| about.text_at("title"))
            .unwrap_or_default(),
        role: persona.text_at("role").unwrap_or_default(),
        identity: persona.text_at("identity").unwrap_or_default(),
        communication_style: persona.text_at("style").unwrap_or_default(),
        principles: [principles(persona), principles(node)].concat(),
        facts: Vec::new(),
        instructions: instructions(about, persona, node, tail, report),
        capabilities,
        language: None,
        source: path.to_owned(),
        files: dependencies,
        extensions: extensions(about, persona, node, report),
    };
    Found { agent, pack, id, stem }
}

fn instructions(
    about: &Node,
    persona: &Node,
    node: &Node,
    tail: &str,
    report: &mut Report,
) -> String {
    let mut parts = Vec::new();
    if let Some(focus) = persona.text_at("focus") {
        parts.push(format!("Focus: {focus}"));
    }
    parts.extend(about.text_at("customization"));
    let told = node.get("activation-instructions").map(lines).unwrap_or_default();
    let (activation, own): (Vec<String>, Vec<String>) = told.into_iter().partition(|line| {
        let line = line.to_lowercase();
        ACTIVATION.iter().any(|start| line.starts_with(start))
    });
    report.count("activation_steps_stripped", activation.len());
    if !own.is_empty() {
        parts.push(format!("- {}", own.join("\n- ")));
    }
    parts.push(tail.to_owned());
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// A line that contains `: ` reads as a mapping to YAML and as a sentence to everybody else.
fn lines(list: &Node) -> Vec<String> {
    list.items().iter().map(command::described).filter(|line| !line.is_empty()).collect()
}

fn extensions(
    about: &Node,
    persona: &Node,
    node: &Node,
    report: &mut Report,
) -> Map<String, serde_json::Value> {
    const READ: [&str; 6] = [
        "agent",
        "persona",
        "commands",
        "dependencies",
        "activation-instructions",
        "core_principles",
    ];
    let mut extensions = node.to_map(&READ);
    let before = extensions.len();
    // How to look a file up in a working folder: the references are looked up here.
    extensions
        .retain(|key, _| !key.ends_with("IDE-FILE-RESOLUTION") && key != "REQUEST-RESOLUTION");
    report.count("activation_steps_stripped", before - extensions.len());
    let rest = about.to_map(&["name", "id", "title", "icon", "whenToUse", "customization"]);
    let persona = persona.to_map(&["role", "style", "identity", "focus", "core_principles"]);
    for (name, map) in [("agent", rest), ("persona", persona)] {
        if !map.is_empty() {
            extensions.insert(name.to_owned(), map.into());
        }
    }
    extensions
}

/// Files by kind and name, looked for in the agent's own pack, then in the core, then in what is
/// common to all.
fn dependencies(
    bundle: &Bundle,
    packs: &[Pack],
    pack: usize,
    path: &str,
    node: &Node,
    report: &mut Report,
) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, names) in node.get("dependencies").map(Node::entries).unwrap_or_default() {
        for name in names.texts().into_iter().take(MAX_PARTS) {
            let bases =
                [packs[pack].within(kind), packs[0].within(kind), format!("common/{kind}/")];
            let known = bases.iter().flat_map(|base| {
                ["", ".md", ".yaml", ".csv"].map(|ending| format!("{base}{name}{ending}"))
            });
            match known.into_iter().find(|path| bundle.get(path).is_some()) {
                Some(file) if found.contains(&file) => {}
                Some(file) => found.push(file),
                None => report.missing(path, format!("{kind}/{name}")),
            }
        }
    }
    found
}

/// The name as a whole word: `create-doc` is not named by `create-document`.
fn names(text: &str, name: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_and_the_prose_after_it_are_found() {
        let (node, tail) =
            parse("# x\n\n```yaml\nnote: 1\n```\n\n```yaml\nagent:\n  id: a\n```\n\n## Startup\n\nYou are A.\n").unwrap();
        assert_eq!(node.get("agent").unwrap().text_at("id").as_deref(), Some("a"));
        assert_eq!(tail, "## Startup\n\nYou are A.");
    }

    #[test]
    fn a_file_without_a_definition_says_what_it_lacks() {
        assert!(parse("# x\n").unwrap_err().contains("no fenced block"));
        assert!(parse("```yaml\nagent: [\n```\n").unwrap_err().contains("not YAML"));
    }

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(names("run task create-doc.md with x", "create-doc"));
        assert!(!names("create-document", "create-doc"));
    }
}
