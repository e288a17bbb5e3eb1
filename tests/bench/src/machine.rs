//! Where and when figures were taken: without it they say nothing.

use std::fs;

use anyhow::Result;
use jiff::Zoned;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    /// Short, and with a mark when there were changes beside it.
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    /// Of the last minute, before the first figure: above the number of cores, wall times are
    /// somebody else's.
    pub(crate) load: f64,
    pub(crate) command: String,
}

impl Machine {
    pub(crate) fn here(command: &str) -> Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let name = processors.lines().find(|line| line.starts_with("model name"));
        let name = name.and_then(|line| line.split_once(':')).map_or("unknown", |(_, name)| name);
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            date: Zoned::now().strftime("%Y-%m-%d %H:%M %Z").to_string(),
            commit: commit().unwrap_or_else(|| "unknown".into()),
            processor: name.trim().to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            load: load.split(' ').next().unwrap_or_default().parse()?,
            command: command.to_owned(),
        })
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let Self { date, commit, processor, cores, load, .. } = self;
        format!("{date}, commit {commit}, {cores} cores of {processor}, load {load}")
    }
}

fn commit() -> Option<String> {
    let describe = ["describe", "--always", "--dirty=+", "--exclude=*"];
    let said = std::process::Command::new("git").args(describe).output().ok()?;
    Some(String::from_utf8(said.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
