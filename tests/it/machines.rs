//! The state machine `run`: names what exists, waits for nothing for ever, retries what may pass,
//! and carries little.

use std::collections::BTreeSet;
use std::fs;

use runs::model::RunRef;
use runs::plan::Planned;
use runs::step::Report;
use runs::waves::{self, State, Wave};
use serde_json::Value;
use shared::Error;
use shared::table::Trigger;
use uuid::Uuid;

use crate::world::root;

/// What AWS itself may call an error of a task.
const OF_AWS: [&str; 12] = [
    "States.ALL",
    "States.Timeout",
    "States.TaskFailed",
    "Runtime.ExitError",
    "Runtime.HandlerError",
    "Sandbox.Timedout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
];

/// Every machine, by its file.
fn machines() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for domain in fs::read_dir(root().join("functions")).unwrap() {
        let Ok(folder) = fs::read_dir(domain.unwrap().path().join("workflows")) else { continue };
        for file in folder {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), serde_json::from_str(&text).unwrap()));
        }
    }
    assert!(!found.is_empty());
    found
}

/// Every state of a machine and of the machines within it, with its name.
fn states(machine: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, state) in machine["States"].as_object().unwrap() {
        found.push((name.clone(), state.clone()));
        if state["ItemProcessor"].is_object() {
            found.extend(states(&state["ItemProcessor"]));
        }
        for branch in state["Branches"].as_array().into_iter().flatten() {
            found.extend(states(branch));
        }
    }
    found
}

fn tasks(machine: &Value) -> Vec<(String, Value)> {
    states(machine).into_iter().filter(|(_, state)| state["Type"] == "Task").collect()
}

/// Every name that an error of ours can have. A new variant does not compile until it is here.
fn error_names() -> BTreeSet<&'static str> {
    let text = String::new;
    let cause = || anyhow::anyhow!("x");
    let all = [
        Error::Malformed(text()),
        Error::Invalid(text()),
        Error::Refused { code: "x", detail: text() },
        Error::Unauthenticated,
        Error::InvalidToken,
        Error::StepUp,
        Error::Forbidden(text()),
        Error::NotFound,
        Error::MethodNotAllowed,
        Error::Conflict(text()),
        Error::PreconditionFailed(text()),
        Error::TooLarge(text()),
        Error::UnsupportedMediaType(text()),
        Error::TooManyRequests(Box::default()),
        Error::SpendCapReached(text()),
        Error::SpendHeld(text()),
        Error::SpendStopped(text()),
        Error::RunStopped(text()),
        Error::ModelRefused(text()),
        Error::Unavailable(cause()),
        Error::Internal(cause()),
    ];
    for error in &all {
        match error {
            Error::Malformed(_)
            | Error::Invalid(_)
            | Error::Refused { .. }
            | Error::Unauthenticated
            | Error::InvalidToken
            | Error::StepUp
            | Error::Forbidden(_)
            | Error::NotFound
            | Error::MethodNotAllowed
            | Error::Conflict(_)
            | Error::PreconditionFailed(_)
            | Error::TooLarge(_)
            | Error::UnsupportedMediaType(_)
            | Error::TooManyRequests(_)
            | Error::SpendCapReached(_)
            | Error::SpendHeld(_)
            | Error::SpendStopped(_)
            | Error::RunStopped(_)
            | Error::ModelRefused(_)
            | Error::Unavailable(_)
            | Error::Internal(_) => {}
        }
    }
    all.iter().map(Error::name).collect()
}

fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(map) => map.values().for_each(|inner| strings(inner, found)),
        _ => {}
    }
}

#[test]
fn every_hole_of_a_machine_is_a_task_and_every_task_of_a_machine_is_called() {
    let table = host::table().unwrap();
    for (file, machine) in machines() {
        let mut called = BTreeSet::new();
        let mut all = Vec::new();
        strings(&machine, &mut all);
        for text in all {
            for hole in text.split("${").skip(1) {
                let (hole, _) = hole.split_once('}').unwrap();
                let name = hole.replace('_', "-");
                let row = table.get(&name);
                let task = row.is_some_and(|row| matches!(row.trigger, Trigger::Task(_)));
                assert!(task, "{file}: `{hole}` is no task");
                assert_eq!(text, format!("${{{hole}}}"), "{file}: a hole stands alone");
                called.insert(name);
            }
        }
        let domain = called.first().and_then(|name| name.split('-').next()).unwrap().to_owned();
        let tasks = table.iter().filter(|(name, row)| {
            matches!(row.trigger, Trigger::Task(_)) && name.starts_with(&format!("{domain}-"))
        });
        let tasks: BTreeSet<_> = tasks.map(|(name, _)| name.clone()).collect();
        assert_eq!(called, tasks, "{file}");
    }
}

#[test]
fn every_task_ends_in_time_and_after_its_function() {
    let table = host::table().unwrap();
    for (file, machine) in machines() {
        assert!(machine["TimeoutSeconds"].is_u64(), "{file}: an execution ends too");
        for (name, task) in tasks(&machine) {
            assert_eq!(task["Resource"], "arn:aws:states:::lambda:invoke", "{name}");
            let patience = task["TimeoutSeconds"].as_u64();
            let patience = patience.unwrap_or_else(|| panic!("{name} has no TimeoutSeconds"));
            let hole = task["Arguments"]["FunctionName"].as_str().unwrap();
            let function = hole.trim_matches(['$', '{', '}']).replace('_', "-");
            let row = &table[&function];
            assert!(patience > row.timeout.into(), "{name}: {function} may take {} s", row.timeout);
        }
    }
}

#[test]
fn only_errors_that_exist_are_named_and_only_those_that_may_pass_are_retried() {
    let ours = error_names();
    // A second try would give the same answer, or cost money for nothing.
    let final_ones =
        ["Invalid", "NotFound", "Conflict", "Forbidden", "RunStopped", "SpendCapReached"];
    for (_, machine) in machines() {
        for (name, task) in tasks(&machine) {
            let again = task["Retry"].as_array().unwrap_or_else(|| panic!("{name}: no Retry"));
            let mut retried = BTreeSet::new();
            for retry in again {
                assert_eq!(retry["JitterStrategy"], "FULL", "{name}");
                assert!(retry["BackoffRate"].as_f64().is_some_and(|rate| rate >= 1.5), "{name}");
                let most = retry["MaxAttempts"].as_u64();
                assert!(most.is_some_and(|most| (1..=10).contains(&most)), "{name}: {most:?}");
                for error in retry["ErrorEquals"].as_array().unwrap() {
                    retried.insert(error.as_str().unwrap());
                }
            }
            for error in &retried {
                let known = ours.contains(error) || OF_AWS.contains(error);
                assert!(known, "{name} retries `{error}`, which nobody throws");
                assert!(!final_ones.contains(error), "{name} retries `{error}`, which stays");
            }
            assert!(!retried.contains("States.ALL"), "{name} would retry what cannot pass");
            for must in ["Unavailable", "Internal", "States.Timeout", "Sandbox.Timedout"] {
                assert!(retried.contains(must), "{name} does not retry {must}");
            }
            for caught in task["Catch"].as_array().into_iter().flatten() {
                for error in caught["ErrorEquals"].as_array().unwrap() {
                    let error = error.as_str().unwrap();
                    assert!(ours.contains(error) || OF_AWS.contains(&error), "{name}: {error}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_go_on_is_caught_and_told_to_the_record() {
    for (file, machine) in machines() {
        let outer = machine["States"].as_object().unwrap();
        for (name, task) in tasks(&machine) {
            // These two close the run: what they cannot do, the schedule and a person must.
            if ["Finish", "Fail"].contains(&name.as_str()) {
                continue;
            }
            let catches = task["Catch"].as_array().unwrap_or_else(|| panic!("{name}: no Catch"));
            let last = catches.last().unwrap();
            assert_eq!(last["ErrorEquals"], serde_json::json!(["States.ALL"]), "{name}");
            let next = last["Next"].as_str().unwrap();
            let reports = if outer.contains_key(&name) { "Fail" } else { "Report failure" };
            assert_eq!(next, reports, "{file} {name}");
            let mut cut = Vec::new();
            strings(&last["Output"], &mut cut);
            let bounded =
                cut.iter().any(|text| text.contains("$substring($states.errorOutput.Cause"));
            assert!(bounded, "{name}: a cause of any length would travel");
        }
    }
}

#[test]
fn every_state_can_be_reached_and_every_way_ends() {
    for (file, machine) in machines() {
        reachable(&file, &machine);
    }
}

fn reachable(file: &str, machine: &Value) {
    let states = machine["States"].as_object().unwrap();
    let mut waiting = vec![machine["StartAt"].as_str().unwrap()];
    let mut seen = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let state = states.get(name).unwrap_or_else(|| panic!("{file}: no state `{name}`"));
        if !seen.insert(name) {
            continue;
        }
        let mut next: Vec<&Value> = vec![&state["Next"], &state["Default"]];
        for key in ["Choices", "Catch"] {
            next.extend(state[key].as_array().into_iter().flatten().map(|way| &way["Next"]));
        }
        let ways: Vec<_> = next.into_iter().filter_map(Value::as_str).collect();
        let ends =
            state["End"] == true || ["Succeed", "Fail"].map(Value::from).contains(&state["Type"]);
        assert!(ends || !ways.is_empty(), "{file}: `{name}` leads nowhere");
        waiting.extend(ways);
        if state["ItemProcessor"].is_object() {
            reachable(file, &state["ItemProcessor"]);
        }
    }
    let all: BTreeSet<_> = states.keys().map(String::as_str).collect();
    assert_eq!(seen, all, "{file}: a state that nothing leads to");
}

/// The widest wave of the longest names, as the state machine carries it.
#[test]
fn what_travels_through_the_machine_stays_under_eight_kibibytes() {
    let steps: Vec<waves::Step> = (0..200)
        .map(|n| waves::Step {
            id: format!("{n:x>80}"),
            state: State::Pending,
            kind: "agent".into(),
            needs: vec![],
        })
        .collect();
    let Wave::Work(chosen) = waves::next(&steps) else { panic!("nothing to do") };
    assert_eq!(chosen.len(), 40);
    let Planned { plan, .. } = Planned::of(&steps).unwrap();
    let report = Report { step_id: "x".repeat(80), next: "done", seconds: None, then: Some(plan) };
    let report = serde_json::to_string(&report).unwrap();
    assert!(report.len() <= 8 * 1024, "{} bytes", report.len());
    let input = RunRef { tenant_id: Uuid::now_v7(), run_id: Uuid::now_v7() };
    assert!(serde_json::to_string(&input).unwrap().len() < 256);
}

#[test]
fn the_machine_and_its_states_say_what_they_are_for() {
    for (file, machine) in machines() {
        assert!(machine["Comment"].as_str().is_some_and(|text| text.len() > 40), "{file}");
        assert_eq!(machine["QueryLanguage"], "JSONata", "{file}");
    }
}
