//! The demo, with the scripted model and with the embedded one.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use tests::scripted::{Script, Server};

use crate::command::{root, run, scripted};

/// The newest run's documents of a stack.
fn documents(stack: &str) -> Vec<(String, String)> {
    let folder = root().join(".local").join(stack).join("documents");
    let mut runs: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    let newest = fs::read_dir(runs.pop().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = newest
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_demo_turns_a_dutch_brief_into_six_documents() -> Result<()> {
    let model = Server::start(Script::echo())?;
    let brief = "examples/briefs/buurtmoestuin.md";
    let said = run(&["--name", "e2e-demo", "demo", "--brief", brief], &scripted(&model.base_url))?;
    let documents = documents("e2e-demo");
    let names: Vec<_> = documents.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "analysis.md",
        "architecture.md",
        "experience.md",
        "plan.md",
        "requirements.md",
        "review.md",
    ];
    assert_eq!(names, expected);
    assert!(documents.iter().all(|(_, content)| !content.trim().is_empty()));
    // Five agents' turns, and a room of three with a closing turn; then the package's own room: four
    // members in eight turns, and the closing one.
    assert_eq!(model.count(), 9 + 9, "{said}");
    let party = ["A room of the package: party-", "round robin: turn 8 of 8", "Verdict: "];
    let team = ["Mary", "round robin: turn 1 of 3", "closing turn", "tokens in", "Done in"];
    for word in team.into_iter().chain(party) {
        assert!(said.contains(word), "`{word}` is not in:\n{said}");
    }
    Ok(())
}

#[test]
fn the_demo_runs_with_the_embedded_model() -> Result<()> {
    let workflow = "examples/workflows/first-look.json";
    let said = run(&["--name", "e2e-model", "demo", "--workflow", workflow], &[])?;
    // Whoever cannot have the weights is told so.
    assert!(said.contains("135 million parameters") || said.contains("it is not AI"), "{said}");
    let documents = documents("e2e-model");
    assert_eq!(documents.len(), 2);
    assert!(documents.iter().all(|(_, content)| content.trim().len() > 20), "{documents:?}");
    Ok(())
}

#[test]
fn a_brief_that_is_not_there_is_an_error_that_says_what_to_do() {
    let error = run(&["--name", "e2e-none", "demo", "--brief", "no-such.md"], &[]).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("no-such.md") && error.contains("BRIEF="), "{error}");
}
