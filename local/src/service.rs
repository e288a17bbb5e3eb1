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
    /// An entry in the environment of this service and of all that it starts.
    #[serde(default)]
    mark: Option<String>,
}

impl Running {
    /// Ends it, and whatever it leaves behind.
    pub fn end(&self) {
        self.process.end(self.ask, Duration::from_secs(10));
        if let Some(mark) = &self.mark {
            process::end_marked(mark);
        }
    }
}

/// The variable of [`Running::mark`].
const MARK: &str = "CADRE_SERVICE";

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
    let mark = format!("{}:{}", paths.stack.display(), service.name);
    service.command.env(MARK, &mark);
    let child = process::start(&mut service.command, &log)?;
    let running = Running {
        name: service.name.to_owned(),
        what: service.what.to_owned(),
        address: service.address,
        process: Identity::of_child(&child)?,
        ask: service.ask,
        log,
        mark: Some(format!("{MARK}={mark}")),
    };
    let Service { patience, ready, .. } = service;
    Ok(Started { running, child, since: Instant::now(), patience, ready })
}

/// Waits until all of them answer, telling of each when it does. On failure says
/// why. `interrupted` ends the wait early.
pub fn wait_for_all(
    paths: &Paths,
    started: &mut [Started],
    interrupted: &dyn Fn() -> bool,
) -> Result<()> {
    let mut waiting: Vec<&mut Started> = started.iter_mut().collect();
    let names = |waiting: &[&mut Started]| {
        waiting.iter().map(|one| one.running.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut step = Step::begin("waiting for");
    while !waiting.is_empty() {
        step.tick(&names(&waiting));
        let mut later = vec![];
        for one in waiting {
            match (one.ready)() {
                Ok(()) => one.tell(true),
                Err(reason) => {
                    if let Some(failure) = one.failure(&reason, interrupted())? {
                        one.tell(false);
                        bail!("{}", one.explain(paths, &failure));
                    }
                    later.push(one);
                }
            }
        }
        waiting = later;
        sleep(Duration::from_millis(if waiting.is_empty() { 0 } else { 30 }));
    }
    step.clear();
    Ok(())
}

impl Started {
    /// Why waiting longer makes no sense.
    fn failure(&mut self, reason: &anyhow::Error, interrupted: bool) -> Result<Option<String>> {
        let name = &self.running.name;
        if let Some(status) = self.child.try_wait()? {
            return Ok(Some(format!("{name} ended while starting ({})", describe(status))));
        }
        if interrupted {
            return Ok(Some(format!("stopped while {name} was starting")));
        }
        let late = self.since.elapsed() > self.patience;
        Ok(late.then(|| format!("{name} did not answer within {:?} ({reason:#})", self.patience)))
    }

    fn explain(&self, paths: &Paths, failure: &str) -> String {
        let log = &self.running.log;
        format!(
            "{failure}; the end of {}:\n{}\nread it, then start again; `make clean` begins afresh",
            paths.short(log),
            tail(log, 12)
        )
    }

    fn tell(&self, well: bool) {
        let Running { name, what, address, .. } = &self.running;
        let step = Step::since(format!("{name}: {what}"), self.since);
        if well { step.done(address) } else { step.failed(address) }
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
