//! `make test`, `make lint` and `make functions`: what holds the whole repository to its word.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    build,
    emulator::Source,
    install, leaks,
    paths::Paths,
    progress::{Step, say},
    settings::program,
    stack::{Options, Part, Stack},
    table::table,
};

/// The tests' own stack, below `.local/test/`.
const STACK: &str = "test";

/// Where tests write what they measured.
pub const FIGURES: &str = "TEST_FIGURES";

/// Compiles everything, starts a stack, migrates it and runs the tests against it.
pub fn test(filter: Option<&str>) -> Result<()> {
    // Before the tests, so that the runner that lists them hears of nothing else.
    if let Err(why) = install::judges(&Paths::find(Some(STACK))?) {
        say(&format!("  the judges from outside cannot be had: {why:#}"));
    }
    let host = build::tested()?;
    let options = Options { name: Some(STACK.into()), ..Options::default() };
    let stack = Stack::up(&options.without(Part::Model).without(Part::Emulator))?;
    leaks::forget(stack.paths())?;
    let host = host.wait()?;
    let mut migrate = Command::new(&host);
    migrate.arg("migrate").envs(stack.env()).env("LOG_LEVEL", "warn");
    run("the test database's migrations", &mut migrate)?;
    let figures = stack.paths().stack.join("figures.txt");
    let _ = fs::remove_file(&figures);
    let mut tests = runner(filter, &stack);
    let outcome = tests.env(FIGURES, &figures).status().context("starting the tests")?;
    measured(&figures);
    if filter.is_none() {
        why(&stack);
    }
    let leaks = leaks::found(stack.paths())?;
    stack.down();
    ensure!(leaks.is_empty(), "a log holds what none may:\n{}", leaks.join("\n"));
    ensure!(outcome.success(), "tests failed: their names are above");
    Ok(())
}

/// `cargo nextest` where it is installed, else `cargo test`: the tests are the same.
fn runner(filter: Option<&str>, stack: &Stack) -> Command {
    let nextest = program("cargo-nextest").is_some();
    let mut command = Command::new("cargo");
    command.args(if nextest { ["nextest", "run"].as_slice() } else { ["test"].as_slice() });
    command.args(["--locked", "--workspace", "--lib", "--test", "*"]);
    match filter {
        Some(filter) if nextest => {
            // nextest takes the name of a binary that is not there for a mistake.
            let binary = stack.paths().root.join("tests").join(filter).join("main.rs").exists();
            let kind = if binary { "binary" } else { "test" };
            command.args(["-E", &format!("{kind}({filter})")]);
        }
        Some(filter) => {
            command.arg(filter);
        }
        None if !nextest => {
            command.arg("--no-fail-fast");
        }
        None => {
            command.arg("--no-fail-fast");
        }
    }
    command.envs(stack.env()).current_dir(&stack.paths().root);
    // The issuer and the model of the tests are their own.
    let theirs =
        ["AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS_URL", "AUTH_CLIENTS", "MODEL_PROVIDER"];
    for theirs in theirs {
        command.env_remove(theirs);
    }
    command
}

/// What the tests measured, in the order of what each line begins with; details are indented, and stay
/// in the file.
fn measured(figures: &Path) {
    let Ok(told) = fs::read_to_string(figures) else { return };
    let mut told: Vec<&str> =
        told.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).collect();
    told.sort_unstable();
    say(&format!("What was measured:\n  {}", told.join("\n  ")));
}

/// Says what was skipped and why, where a runner only counts it.
fn why(stack: &Stack) {
    let mut command = Command::new("cargo");
    command.args(["test", "--quiet", "--locked", "--workspace"]);
    command.args(["--test", "infra", "--test", "outside", "--test", "packages", "--", "--why"]);
    command.envs(stack.env()).current_dir(&stack.paths().root).stderr(Stdio::null());
    if let Ok(output) = command.output() {
        say(String::from_utf8_lossy(&output.stdout).trim());
    }
}

/// Format, clippy, state machines, shell scripts, Terraform's format; all are tried before it fails.
pub fn lint() -> Result<()> {
    let paths = Paths::find(None)?;
    let cargo = |args: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(args).current_dir(&paths.root);
        command
    };
    let mut checks = vec![
        ("format", cargo(&["fmt", "--all", "--check"])),
        (
            "clippy",
            cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ),
    ];
    let validator = install::lint_tools(&paths)?.join("asl-validator");
    for machine in Source::read(&paths.root)?.machines.into_values() {
        let mut command = Command::new(&validator);
        command.arg("--json-path").arg(machine.file);
        checks.push(("state machine", command));
    }
    for (what, name, args) in [
        ("shell", "shellcheck", [".ci/run"].as_slice()),
        ("Terraform's format", "terraform", ["fmt", "-check", "-recursive", "infra"].as_slice()),
    ] {
        match program(name) {
            Some(found) => {
                let mut command = Command::new(found);
                command.args(args).current_dir(&paths.root);
                checks.push((what, command));
            }
            None => say(&format!("  - {what}: skipped, `{name}` is not installed")),
        }
    }
    let mut failed = Vec::new();
    for (what, mut command) in checks {
        if let Err(error) = run(what, &mut command) {
            say(&format!("{error:#}"));
            failed.push(what);
        }
    }
    ensure!(failed.is_empty(), "not clean: {}", failed.join(", "));
    Ok(())
}

/// Runs it quietly; what it printed is the error's text.
fn run(what: &str, command: &mut Command) -> Result<()> {
    let step = Step::begin(what);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("starting {what}"))?;
    if output.status.success() {
        step.done("");
        return Ok(());
    }
    step.failed("");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    bail!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Prints all tables as one.
pub fn functions() -> Result<()> {
    let paths = Paths::find(None)?;
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for domain in fs::read_dir(paths.root.join("functions"))? {
        let file = domain?.path().join("functions.json");
        if let Ok(text) = fs::read_to_string(&file) {
            let rows: BTreeMap<String, Value> =
                serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            all.extend(rows);
        }
    }
    let rows: Vec<[String; 6]> = all.iter().map(|(name, row)| line(name, row)).collect();
    say(&table(["function", "trigger", "permission", "uses", "memory", "timeout"], &rows));
    Ok(())
}

fn line(name: &str, row: &Value) -> [String; 6] {
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    let trigger = ["route", "queue", "schedule", "task"].into_iter().find_map(|kind| {
        let value = text(kind)?;
        Some(if kind == "route" { value } else { format!("{kind}: {value}") })
    });
    let uses = row["uses"].as_array().into_iter().flatten().filter_map(Value::as_str);
    [
        name.to_owned(),
        trigger.unwrap_or_default(),
        text("permission").unwrap_or_else(|| "-".into()),
        uses.collect::<Vec<_>>().join(" "),
        format!("{} MB", row["memory"]),
        format!("{} s", row["timeout"]),
    ]
}
