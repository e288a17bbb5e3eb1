//! The host, in a process of its own, as it ships.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Ends with its value.
pub(crate) struct Host {
    child: Child,
    pub(crate) url: String,
}

impl Host {
    pub(crate) fn start(environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.envs(environment.iter().copied()).env("HOST_ADDRESS", "127.0.0.1:0");
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let log = BufReader::new(child.stderr.take().context("no log")?);
        let mut lines = log.lines().map_while(Result::ok);
        let url = lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            Some(format!("http://{}", line["address"].as_str()?))
        });
        // Read to the end, or the host would stand still on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url: url.context("the host does not listen")? })
    }

    pub(crate) fn pid(&self) -> Result<i32> {
        Ok(self.child.id().try_into()?)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one beside this program: built by the same profile, into the same folder.
fn binary() -> Result<PathBuf> {
    let build = ["build", "--locked", "--release", "--quiet", "--package", "host"];
    let outcome = Command::new("cargo").args(build).status()?;
    ensure!(outcome.success(), "cargo build: {outcome}");
    let host = std::env::current_exe()?.with_file_name("host");
    ensure!(host.exists(), "no {}: run the bench by `cargo run --release`", host.display());
    Ok(host)
}
