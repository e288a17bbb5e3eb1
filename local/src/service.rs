//! One service of the stack: how it is started, how it is known to be ready, how it ends.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::{
    paths::{Paths, tail},
    process::{self, Ask, Identity},
    progress::Step,
};

/// What to start.
pub struct Service {
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    pub address: String,
    pub command: Command,
    pub ask: Ask,
    pub patience: Duration,
    /// Whether it answers; an error is "not yet".
    pub ready: Ready,
}

/// A look at a service from outside.
pub type Ready = Box<dyn Fn() -> Result<()> + Send>;

/// What runs, as it is written to `stack.json` for `stop` and for the next start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Running {
    pub name: String,
    pub what: String,
    pub address: String,
    pub process: Identity,
    pub ask: Ask,
    pub log: PathBuf,
}

impl Running {
    pub fn end(&self) {
        self.process.end(self.ask, Duration::from_secs(10));
    }
}

/// A started service that may not answer yet.
pub struct Started {
    pub running: Running,
    pub child: Child,
    since: Instant,
    patience: Duration,
    ready: Ready,
}

pub fn start(paths: &Paths, mut service: Service) -> Result<Started> {
    let log = paths.log(service.name);
    let child = process::start(&mut service.command, &log)?;
    let running = Running {
        name: service.name.to_owned(),
        what: service.what.to_owned(),
        address: service.address,
        process: Identity::of_child(&child)?,
        ask: service.ask,
        log,
    };
    let Service { patience, ready, .. } = service;
    Ok(Started { running, child, since: Instant::now(), patience, ready })
}

impl Started {
    /// Waits until it answers. `interrupted` ends the wait early.
    pub fn wait(mut self, paths: &Paths, interrupted: &dyn Fn() -> bool) -> Result<Child> {
        let Running { name, what, log, .. } = &self.running;
        let label = format!("{what} ({name})");
        let mut step = Step::since(label, self.since);
        loop {
            let reason = match (self.ready)() {
                Ok(()) => break,
                Err(reason) => reason,
            };
            let failure = if let Some(status) = self.child.try_wait()? {
                format!("{name} ended while starting ({})", describe(status))
            } else if interrupted() {
                format!("stopped while {name} was starting")
            } else if self.since.elapsed() > self.patience {
                format!("{name} did not answer within {:?} ({reason:#})", self.patience)
            } else {
                step.tick("");
                sleep(Duration::from_millis(50));
                continue;
            };
            step.failed("");
            let short = paths.short(log);
            bail!(
                "{failure}; the end of {short}:\n{}\nread it, then start again; `make clean` begins afresh",
                tail(log, 12)
            );
        }
        step.done(&self.running.address);
        Ok(self.child)
    }
}

pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    }
}
