//! Compiling what the stack serves and runs, beside the installation, with progress.

use std::{
    path::PathBuf,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    interrupt,
    paths::{Paths, tail},
    process,
    progress::Step,
};

/// A compilation that goes on.
pub struct Building {
    cargo: Child,
    paths: Paths,
    log: &'static str,
    since: Instant,
}

/// What a stack with everything consists of. Always together: alone, each would want its
/// dependencies with other features, and they would be compiled twice.
const PROGRAMS: [&str; 4] = ["--package", "host", "--package", "auth0"];

/// And, for the tests, one function as the program it is on Lambda: no test's own build makes it.
const STREAMING: [&str; 8] =
    ["--package", "runs", "--bin", "host", "--bin", "auth0", "--bin", "runs-stream"];

/// The host, being compiled.
pub struct Host(Building);

/// Begins to compile the host.
pub fn host() -> Result<Host> {
    begin(&PROGRAMS, "build").map(Host)
}

/// Begins to compile the host, and with it what the tests start beside it.
pub fn tested() -> Result<Host> {
    begin(&[PROGRAMS.as_slice(), &STREAMING].concat(), "build").map(Host)
}

/// The local Auth0, compiled. Beside a compilation of the host that goes on already this waits for
/// it, and finds nothing left to do.
pub fn auth0() -> Result<PathBuf> {
    begin(&PROGRAMS, "build-auth0")?.wait()?;
    beside("auth0")
}

/// A compiled program: cargo puts it beside this one, or one up when this is a test.
pub fn beside(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let found = program.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    found.with_context(|| {
        format!("no {name} beside {}: `cargo build` comes first", program.display())
    })
}

/// Begins to compile functions, each a program of its own, as `cargo lambda watch` runs them:
/// out of the whole workspace, so that it finds nothing left to do.
pub fn functions<'a>(names: impl Iterator<Item = &'a String>) -> Result<Building> {
    let programs: Vec<&str> = names.flat_map(|name| ["--bin", name]).collect();
    begin(&programs, "build")
}

fn begin(what: &[&str], log: &'static str) -> Result<Building> {
    let paths = Paths::find(None)?;
    let mut command = Command::new("cargo");
    command.args(["build", "--locked"]).args(what).current_dir(&paths.root);
    let since = Instant::now();
    let cargo = process::start(&mut command, &paths.log(log)).context("starting cargo")?;
    Ok(Building { cargo, paths, log, since })
}

impl Host {
    /// The compiled program.
    pub fn wait(self) -> Result<PathBuf> {
        self.0.wait()?;
        beside("host")
    }
}

impl Building {
    pub fn wait(mut self) -> Result<()> {
        let log = self.paths.log(self.log);
        let mut step = Step::since("compiling the functions (once; minutes)", self.since);
        let status = loop {
            if let Some(status) = self.cargo.try_wait()? {
                break status;
            }
            ensure!(!interrupt::asked(), "interrupted");
            step.tick(tail(&log, 1).trim());
            sleep(Duration::from_millis(200));
        };
        if !status.success() {
            step.failed("");
            anyhow::bail!("cargo could not build it:\n{}", tail(&log, 40));
        }
        step.done("");
        Ok(())
    }
}
