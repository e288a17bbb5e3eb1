//! Counting the placeholders in everything that was taken over, each text once.

use serde_json::Value;

use super::prose;
use crate::model::{Import, StepKind};
use crate::report::Report;

pub(super) fn count(import: &Import, report: &mut Report) {
    for agent in &import.agents {
        texts(&serde_json::to_value(agent).unwrap_or_default(), report);
    }
    for workflow in &import.workflows {
        let mut workflow = workflow.clone();
        // The one step of a skill without step files repeats the body, and an approval repeats its
        // step.
        workflow
            .steps
            .retain(|step| step.kind != StepKind::Approval && step.instruction != workflow.body);
        texts(&serde_json::to_value(&workflow).unwrap_or_default(), report);
    }
}

fn texts(value: &Value, report: &mut Report) {
    match value {
        Value::String(text) => prose::count_placeholders(text, &mut report.placeholders),
        Value::Array(items) => items.iter().for_each(|item| texts(item, report)),
        Value::Object(map) => map.values().for_each(|item| texts(item, report)),
        _ => {}
    }
}
