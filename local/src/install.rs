//! The installer: finds what is missing, says what it gets and why, and is silent when nothing is.

mod debian;
mod node;
mod python;
mod stamp;
mod unpack;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    paths::{Paths, tail},
    progress::{Step, say},
    settings::program,
};
pub use unpack::Postgres;

/// What the stack runs on.
#[derive(Debug, Clone)]
pub struct Tools {
    pub postgres: Postgres,
    /// The weights; `None` when they cannot be had, said on screen.
    pub model: Option<PathBuf>,
}

/// Everything the local stack needs.
pub fn stack_tools(paths: &Paths, with_model: bool) -> Result<Tools> {
    let _one_at_a_time = lock(paths)?;
    debian::install(paths)?;
    python::environment(paths)?;
    let postgres = unpack::postgres(paths)?;
    let model = if with_model { model(paths) } else { None };
    Ok(Tools { postgres, model })
}

/// What [`stack_tools`] unpacked, for whoever uses a running stack.
pub fn unpacked_postgres(paths: &Paths) -> Result<Postgres> {
    unpack::find(paths)
}

/// What builds and serves the functions as Lambdas: only for `make dev-lambda`, `bench` and `infra`.
/// The folder to put in front of `PATH`.
pub fn build_tools(paths: &Paths) -> Result<PathBuf> {
    let _one_at_a_time = lock(paths)?;
    python::build_tools(paths)
}

/// What only a test needs: an issuer that somebody else wrote. The folder with its packages.
pub fn second_issuer(paths: &Paths) -> Result<PathBuf> {
    let _one_at_a_time = lock(paths)?;
    node::install(
        paths,
        "openid",
        "node",
        "oidc-provider, an issuer that is not ours, for a test",
    )?;
    Ok(paths.tools.join("node/node_modules"))
}

/// What only a test needs: Chromium, and the program that drives it, which is returned.
pub fn browser(paths: &Paths) -> Result<PathBuf> {
    let _one_at_a_time = lock(paths)?;
    debian::browser(paths)?;
    program("chromedriver").context("chromium-driver brought no chromedriver")
}

/// What only `make lint` needs: the folder with `asl-validator`.
pub fn lint_tools(paths: &Paths) -> Result<PathBuf> {
    let _one_at_a_time = lock(paths)?;
    debian::lint(paths)?;
    node::install(paths, "lint", "lint", "asl-validator, which checks the state machines")?;
    Ok(paths.tools.join("lint/node_modules/.bin"))
}

/// What judges the API document and its answers from outside: only tests need it.
pub fn judges(paths: &Paths) -> Result<Judges> {
    let _one_at_a_time = lock(paths)?;
    let why = "Spectral, which judges the API document";
    node::install(paths, "judges", "judges-node", why)?;
    let programs = python::judges(paths)?;
    Ok(Judges {
        spectral: paths.tools.join("judges-node/node_modules/.bin/spectral"),
        schemathesis: programs.join("schemathesis"),
    })
}

/// What judges SCIM from outside: only a test needs it.
pub fn scim_judge(paths: &Paths) -> Result<PathBuf> {
    let _one_at_a_time = lock(paths)?;
    python::scim(paths)
}

/// Programs, by their full paths.
#[derive(Debug, Clone)]
pub struct Judges {
    pub spectral: PathBuf,
    pub schemathesis: PathBuf,
}

/// A demonstration must not fail because a 98 MB file cannot be had: it is said, and done without.
fn model(paths: &Paths) -> Option<PathBuf> {
    match python::model(paths) {
        Ok(weights) => Some(weights),
        Err(why) => {
            say(&format!("\n  The embedded model cannot be had: {why:#}"));
            say("  Going on with MODEL_PROVIDER=extractive: it quotes the brief, and is no AI.\n");
            None
        }
    }
}

/// Runs one step of an installation, with its output in a log that is shown if it fails.
fn run(paths: &Paths, label: &str, log: &str, command: &mut Command) -> Result<()> {
    let log = paths.tools.join("logs").join(format!("install-{log}.log"));
    fs::create_dir_all(paths.tools.join("logs"))?;
    let out = File::create(&log)?;
    let mut step = Step::begin(label);
    let started = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn();
    let program = command.get_program().display().to_string();
    let mut child = started.with_context(|| format!("cannot start {program}"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        step.tick("");
        sleep(Duration::from_millis(100));
    };
    if status.success() {
        step.done("");
        return Ok(());
    }
    step.failed("");
    bail!("{program} failed; the end of {}:\n{}", paths.short(&log), tail(&log, 12))
}

/// Two `make`s in one checkout take turns.
fn lock(paths: &Paths) -> Result<File> {
    let lock = File::create(paths.tools.join("install.lock"))?;
    if lock.try_lock().is_err() {
        say("  another installation is going on in this checkout; waiting for it");
        lock.lock()?;
    }
    Ok(lock)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
