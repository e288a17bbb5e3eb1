//! The step files of a skill, `step-NN-name.md`, as the steps of a workflow.
//!
//! The number gives the order. What the prose says beyond that (branches, ways back, stops) is
//! marked for a person to look at, never guessed.

use serde_json::Map;

use super::limits::MAX_STEP_FILES;
use super::{files, front, prose, slug};
use crate::bundle::Bundle;
use crate::model::{StepDef, StepKind};
use crate::report::Report;

struct Draft {
    stem: String,
    text: String,
    path: String,
    /// The other steps that the text names, each once.
    names: Vec<String>,
}

/// In order: by number, and what has none at the end.
pub(super) fn files_of(bundle: &Bundle, folder: &str) -> Vec<String> {
    let within = format!("{folder}/");
    let mut found: Vec<String> = bundle
        .paths()
        .filter(|path| path.starts_with(&within) && files::ending(path) == "md")
        .filter(|path| files::file_name(path).starts_with("step-"))
        .map(str::to_owned)
        .collect();
    found.truncate(MAX_STEP_FILES);
    found.sort_by_key(|path| (number(files::stem(path)).unwrap_or(u32::MAX), path.clone()));
    found
}

pub(super) fn read(
    bundle: &Bundle,
    workflow: &str,
    agent: Option<&str>,
    step_files: &[String],
    report: &mut Report,
) -> Vec<StepDef> {
    let drafts: Vec<Draft> =
        step_files.iter().filter_map(|path| draft(bundle, path, report)).collect();
    let mut steps: Vec<StepDef> = Vec::new();
    // What the next step in line waits for: the last one, or the approval after it.
    let mut last: Option<String> = None;
    for (at, draft) in drafts.iter().enumerate() {
        let in_line = number(&draft.stem).is_some();
        let next = drafts.get(at + 1).filter(|next| number(&next.stem).is_some());
        let mut step = step(draft, agent);
        let mut doubts = doubts(draft, next);
        if in_line {
            step.needs = last.iter().cloned().collect();
        } else {
            let from = drafts.iter().filter(|other| other.names.contains(&draft.stem));
            step.needs =
                from.map(|other| slug::slug(&other.stem)).filter(|id| *id != step.id).collect();
            step.optional = true;
            step.condition =
                Some("reached only by a branch in the text of another step".to_owned());
            doubts.push("it has no number: it is reached only by a branch".to_owned());
        }
        let halts = prose::halts(&draft.text);
        report.count("halts_for_a_person", halts.person.len());
        report.count("halts_for_good", halts.stops);
        if halts.stops > 0 {
            doubts.push(format!("it ends the run in {} places", halts.stops));
        }
        step.needs_review = !doubts.is_empty();
        for doubt in doubts {
            report.review(workflow, &step.id, doubt);
        }
        let approval = (!halts.person.is_empty()).then(|| approval(&step, &halts.person));
        if in_line {
            last = Some(approval.as_ref().unwrap_or(&step).id.clone());
        }
        steps.push(step);
        if let Some(approval) = approval {
            report.count("approval_steps", 1);
            steps.push(approval);
        }
    }
    steps
}

fn draft(bundle: &Bundle, path: &str, report: &mut Report) -> Option<Draft> {
    let text = files::text(bundle, path, report)?;
    let text = match front::split(&text) {
        Ok(document) => document.body,
        Err(reason) => {
            report.reject(path, reason);
            return None;
        }
    };
    prose::count_scripts(&text, &mut report.script_calls);
    let stem = files::stem(path).to_owned();
    let mut names = prose::step_files(&text);
    names.retain(|name| *name != stem);
    names.sort_unstable();
    names.dedup();
    Some(Draft { stem, text: text.trim().to_owned(), path: path.to_owned(), names })
}

fn step(draft: &Draft, agent: Option<&str>) -> StepDef {
    StepDef {
        id: slug::slug(&draft.stem),
        title: prose::title(&draft.text).unwrap_or_else(|| draft.stem.clone()),
        kind: StepKind::Agent,
        agent: agent.map(str::to_owned),
        candidates: Vec::new(),
        skill: None,
        instruction: draft.text.clone(),
        needs: Vec::new(),
        document: None,
        needs_review: false,
        optional: false,
        condition: None,
        files: vec![draft.path.clone()],
        extensions: Map::new(),
    }
}

/// The person's part after a step. Its text is what the step says about waiting, so the person
/// knows what is asked.
fn approval(step: &StepDef, lines: &[String]) -> StepDef {
    StepDef {
        id: format!("{}-approval", step.id),
        title: format!("Approve: {}", step.title),
        kind: StepKind::Approval,
        agent: None,
        instruction: lines.join("\n"),
        needs: vec![step.id.clone()],
        files: Vec::new(),
        needs_review: false,
        ..step.clone()
    }
}

fn doubts(draft: &Draft, next: Option<&Draft>) -> Vec<String> {
    let elsewhere: Vec<&str> = draft
        .names
        .iter()
        .map(String::as_str)
        .filter(|name| next.is_none_or(|next| next.stem != *name))
        .collect();
    if elsewhere.is_empty() {
        return Vec::new();
    }
    vec![format!("its text also leads to {}", elsewhere.join(", "))]
}

fn number(stem: &str) -> Option<u32> {
    let rest = stem.strip_prefix("step-")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
