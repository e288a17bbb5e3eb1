//! Processor time of processes, in nanoseconds, and what they hold in memory.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::ClockId;
use nix::unistd::Pid;

/// All threads of a process, also those that have ended.
pub(crate) fn of_process(pid: i32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid))?;
    Ok(clock.now()?.into())
}

pub(crate) fn of_this_process() -> Result<Duration> {
    Ok(ClockId::CLOCK_PROCESS_CPUTIME_ID.now()?.into())
}

/// A process and its children by id: a database and its sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Family(BTreeMap<i32, Duration>);

impl Family {
    pub(crate) fn of(parent: i32) -> Result<Self> {
        let mut family = BTreeMap::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
            if pid == parent || parent_of(pid) == Some(parent) {
                // One that ended just now has no clock.
                family.extend(of_process(pid).ok().map(|spent| (pid, spent)));
            }
        }
        Ok(Self(family))
    }

    /// What it has spent since then. A child that has come since counts whole, one that has gone
    /// does not count.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let before = |pid| before.0.get(pid).copied().unwrap_or_default();
        self.0.iter().map(|(pid, spent)| spent.saturating_sub(before(pid))).sum()
    }
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// The most memory that the process ever held, in bytes.
pub(crate) fn peak_memory(pid: i32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}
