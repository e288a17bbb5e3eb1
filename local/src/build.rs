//! Compiling what the stack serves, beside the installation, with progress.

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
    since: Instant,
}

/// The host, being compiled.
pub struct Host(Building);

/// Begins to compile the host.
pub fn host() -> Result<Host> {
    begin(&["--package", "host"]).map(Host)
}

/// Begins to compile functions, each a program of its own, as `cargo lambda watch` runs them:
/// out of the whole workspace, so that it finds nothing left to do.
pub fn functions<'a>(names: impl Iterator<Item = &'a String>) -> Result<Building> {
    let programs: Vec<&str> = names.flat_map(|name| ["--bin", name]).collect();
    begin(&programs)
}

fn begin(what: &[&str]) -> Result<Building> {
    let paths = Paths::find(None)?;
    let mut command = Command::new("cargo");
    command.args(["build", "--locked"]).args(what).current_dir(&paths.root);
    let since = Instant::now();
    let cargo = process::start(&mut command, &paths.log("build")).context("starting cargo")?;
    Ok(Building { cargo, paths, since })
}

impl Host {
    /// The compiled program.
    pub fn wait(self) -> Result<PathBuf> {
        self.0.wait()?;
        // Cargo puts it beside this program.
        let program = std::env::current_exe()?;
        let beside = program.ancestors().skip(1).take(2).map(|folder| folder.join("host"));
        beside.into_iter().find(|file| file.is_file()).context("cargo built no host")
    }
}

impl Building {
    pub fn wait(mut self) -> Result<()> {
        let log = self.paths.log("build");
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
