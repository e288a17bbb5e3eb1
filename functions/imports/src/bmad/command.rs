//! The commands of an agent of generation A, which have been written in three ways.
//!
//! A list of one-key mappings (`- draft: run task x`), a list of texts (`'*draft - run task x'`,
//! often with a stray quote after the name), or one mapping. The name may carry arguments:
//! `brainstorm {topic}`.

use super::limits::MAX_PARTS;
use super::yaml::Node;
use crate::model::Capability;
use crate::report::Report;

pub(super) fn read(commands: &Node, report: &mut Report) -> Vec<Capability> {
    let mut found = Vec::new();
    for (name, value) in commands.entries() {
        report.count("commands_of_one_map", 1);
        found.push(command(name, &described(value)));
    }
    for item in commands.items() {
        for (name, value) in item.entries() {
            report.count("commands_as_maps", 1);
            found.push(command(name, &described(value)));
        }
        if let Some(text) = item.text() {
            report.count("commands_as_texts", 1);
            let (name, description) = text.split_once(" - ").unwrap_or((&text, ""));
            found.push(command(name, description));
        }
    }
    found.truncate(MAX_PARTS);
    report.count("commands", found.len());
    found
}

fn command(name: &str, description: &str) -> Capability {
    let name = name.trim().trim_start_matches('*').trim_end_matches(['"', '\'']).trim();
    let args = name
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(argument, _)| argument.trim().to_owned())
        .collect();
    let code = name.split('{').next().unwrap_or(name).trim();
    let description = description.trim();
    Capability {
        code: if code.is_empty() { name.to_owned() } else { code.to_owned() },
        description: description.lines().next().unwrap_or_default().to_owned(),
        skill: None,
        prompt: Some(if description.is_empty() { name.to_owned() } else { description.to_owned() }),
        args,
        files: Vec::new(),
    }
}

/// A command may be a little program of its own: lists of steps and rules, kept as an outline.
pub(super) fn described(value: &Node) -> String {
    let mut text = String::new();
    outline(value, 0, &mut text);
    text.trim_end().to_owned()
}

fn outline(value: &Node, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let is_scalar = |value: &Node| !matches!(value, Node::Map(_) | Node::List(_));
    match value {
        Node::List(items) => {
            for item in items {
                if is_scalar(item) {
                    text.extend([&indent, "- ", &item.text().unwrap_or_default(), "\n"]);
                } else {
                    outline(item, depth, text);
                }
            }
        }
        Node::Map(entries) => {
            for (key, value) in entries {
                if is_scalar(value) {
                    text.extend([&indent, key, ": ", &value.text().unwrap_or_default(), "\n"]);
                } else {
                    text.extend([&indent, key, ":\n"]);
                    outline(value, depth + 1, text);
                }
            }
        }
        scalar => text.push_str(&scalar.text().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmad::yaml::parse;

    fn commands(text: &str) -> (Vec<Capability>, Report) {
        let mut report = Report::default();
        (read(&parse(text).unwrap(), &mut report), report)
    }

    #[test]
    fn three_spellings_give_the_same_command() {
        for text in
            ["- draft {a|b}: run it\n", "- '*draft {a|b}\" - run it'\n", "draft {a|b}: run it\n"]
        {
            let (found, report) = commands(text);
            assert_eq!(found[0].code, "draft", "{text}");
            assert_eq!(found[0].args, ["a|b"]);
            assert_eq!(found[0].prompt.as_deref(), Some("run it"));
            assert_eq!(report.counts["commands"], 1);
        }
    }

    #[test]
    fn a_structured_command_keeps_its_outline() {
        let (found, _) =
            commands("- build:\n  - order: first, then\n  - rules:\n      - never: x\n      - y\n");
        assert_eq!(
            found[0].prompt.as_deref(),
            Some("order: first, then\nrules:\n  never: x\n  - y")
        );
        assert_eq!(found[0].description, "order: first, then");
    }

    #[test]
    fn a_command_without_a_description_is_its_own_prompt() {
        let (found, _) = commands("- '*help'\n- exit:\n");
        assert_eq!(found[0].prompt.as_deref(), Some("help"));
        assert_eq!(found[1].code, "exit");
    }
}
