//! Whether a workflow can run: every step known, reachable and able to end. Pure.

use std::collections::{BTreeMap, BTreeSet};

use rooms::Room;
use rooms::check::{asks_before_it_waits, longest_wait};
use shared::{Error, Result};

use crate::model::{Definition, Kind, Step};

const MOST_OUTPUT_TOKENS: u32 = 8192;
/// Ten hours: a run looks after a person at least once a minute, and a state machine's history ends
/// at 25,000 events.
const LONGEST_WAIT_SECONDS: u64 = 36_000;

/// Checks everything but the existence of agents, which needs the record.
pub fn check(definition: &Definition) -> Result<()> {
    definition.check()?;
    if definition.steps.is_empty() {
        return Err(invalid("a workflow needs at least one step".into()));
    }
    let mut ids = BTreeSet::new();
    let mut documents = BTreeSet::new();
    for step in &definition.steps {
        check_step(step)?;
        if !ids.insert(step.id.as_str()) {
            return Err(invalid(format!("two steps are called `{}`", step.id)));
        }
        if let Some(document) = &step.document
            && !documents.insert(document)
        {
            return Err(invalid(format!("two steps write `{document}`")));
        }
    }
    for step in &definition.steps {
        if let Some(missing) = step.needs.iter().find(|need| !ids.contains(need.as_str())) {
            return Err(invalid(format!(
                "step `{}` needs `{missing}`, which is no step of this workflow",
                step.id
            )));
        }
    }
    match cycle(&definition.steps) {
        Some(path) => Err(Error::Refused {
            code: "workflow-cycle",
            detail: format!("the steps wait for each other in a circle: {}", path.join(" → ")),
        }),
        None => Ok(()),
    }
}

fn check_step(step: &Step) -> Result<()> {
    let id = &step.id;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if id.is_empty() || id.len() > 80 || !id.chars().all(plain) {
        let rule = "letters, digits, `.`, `_` and `-`, at most 80";
        return Err(invalid(format!("`{id:.100}` is not a step's name: use {rule}")));
    }
    match (step.kind, &step.agent, &step.room) {
        (Kind::Agent, Some(_), None) => {}
        (Kind::Agent, _, _) => return Err(invalid(format!("step `{id}` must name one `agent`"))),
        (Kind::Room, None, Some(room)) => {
            rooms::check::check(id, room).map_err(invalid)?;
            waits(id, room).map_err(invalid)?;
        }
        (Kind::Room, _, _) => {
            return Err(invalid(format!("step `{id}` is a room: give `room`, not `agent`")));
        }
        (Kind::Approval | Kind::Choice, _, _) => {
            return Err(Error::Refused {
                code: "workflow-not-runnable",
                detail: format!(
                    "step `{id}` waits for a person or takes a branch, which cannot run yet: \
                     replace it by agent steps, or leave it out"
                ),
            });
        }
    }
    if !(1..=MOST_OUTPUT_TOKENS).contains(&step.max_output_tokens.unwrap_or(1)) {
        let rule = format!("1 to {MOST_OUTPUT_TOKENS}");
        return Err(invalid(format!("step `{id}`: max_output_tokens may be {rule}")));
    }
    match &step.document {
        Some(name) if !is_file_name(name) => Err(invalid(format!(
            "step `{id}`: `{name:.100}` is not a document's name: use a plain file name, \
             for example prd.md"
        ))),
        _ => Ok(()),
    }
}

/// What a run can wait for in a room.
fn waits(id: &str, room: &Room) -> std::result::Result<(), String> {
    if longest_wait(room) > LONGEST_WAIT_SECONDS {
        return Err(format!(
            "the room `{id}` could wait for people longer than {LONGEST_WAIT_SECONDS} seconds in \
             all: give it fewer turns or less `patience_seconds`"
        ));
    }
    if asks_before_it_waits(room) {
        return Err(format!(
            "in the room `{id}` a person is waited for within a room whose order asks a model: let \
             one of them choose by another order"
        ));
    }
    Ok(())
}

fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._- ".contains(c);
    !name.is_empty() && name.len() <= 120 && !name.starts_with('.') && name.chars().all(plain)
}

fn invalid(detail: String) -> Error {
    Error::Invalid(detail)
}

/// A circle of steps that wait for each other, if there is one.
fn cycle(steps: &[Step]) -> Option<Vec<&str>> {
    let needs: BTreeMap<&str, &[String]> =
        steps.iter().map(|step| (step.id.as_str(), step.needs.as_slice())).collect();
    let mut done = BTreeSet::new();
    for step in steps {
        let mut path = Vec::new();
        if let Some(found) = walk(step.id.as_str(), &needs, &mut done, &mut path) {
            return Some(found);
        }
    }
    None
}

/// Depth is bounded by the number of steps, which [`Definition::check`] bounds.
fn walk<'a>(
    at: &'a str,
    needs: &BTreeMap<&'a str, &'a [String]>,
    done: &mut BTreeSet<&'a str>,
    path: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = path.iter().position(|seen| *seen == at) {
        let mut found = path[start..].to_vec();
        found.push(at);
        return Some(found);
    }
    if done.contains(at) {
        return None;
    }
    path.push(at);
    for need in needs.get(at).copied().unwrap_or_default() {
        if let Some(found) = walk(need, needs, done, path) {
            return Some(found);
        }
    }
    path.pop();
    done.insert(at);
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check;
    use crate::model::{Definition, Kind, Step};

    fn step(id: &str, needs: &[&str]) -> Step {
        Step {
            id: id.into(),
            agent: Some("someone".into()),
            needs: needs.iter().map(|n| (*n).to_owned()).collect(),
            ..Step::default()
        }
    }

    fn workflow(steps: &[Step]) -> Definition {
        let json = serde_json::json!({ "name": "w", "steps": steps });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_circle_is_refused_and_named() {
        let circle = workflow(&[step("a", &["c"]), step("b", &["a"]), step("c", &["b"])]);
        let error = check(&circle).unwrap_err();
        assert_eq!(error.code(), "workflow-cycle");
        assert!(error.to_string().contains("a → c → b → a"), "{error}");
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let approval = Step { kind: Kind::Approval, ..step("ask", &[]) };
        for (steps, says) in [
            (vec![], "at least one step"),
            (vec![step("a", &[]), step("a", &[])], "two steps are called"),
            (vec![step("a", &["z"])], "no step of this workflow"),
            (vec![approval], "cannot run yet"),
            (vec![Step { agent: None, ..step("a", &[]) }], "must name one `agent`"),
            (vec![Step { document: Some("../x".into()), ..step("a", &[]) }], "plain file name"),
            (vec![Step { max_output_tokens: Some(0), ..step("a", &[]) }], "max_output_tokens"),
        ] {
            let error = check(&workflow(&steps)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    proptest! {
        /// Needs that only point backwards can always run; a back edge never can.
        #[test]
        fn only_graphs_without_a_circle_pass(edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40)) {
            let mut steps: Vec<Step> = (0..12).map(|n| step(&format!("s{n}"), &[])).collect();
            for &(a, b) in edges.iter().filter(|(a, b)| a < b) {
                steps[b].needs.push(format!("s{a}"));
            }
            prop_assert!(check(&workflow(&steps)).is_ok());
            if let Some(&(a, b)) = edges.iter().find(|(a, b)| a < b) {
                steps[a].needs.push(format!("s{b}"));
                prop_assert!(check(&workflow(&steps)).is_err());
            }
        }
    }
}
