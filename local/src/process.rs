//! Processes by their identity: a number alone may belong to somebody else by now.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

/// A process, and when it started (in ticks since which boot): numbers are used again, this is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub pid: i32,
    started: u64,
    boot: String,
}

/// How a service is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    Terminate,
    /// PostgreSQL: end sessions instead of waiting for them.
    Interrupt,
}

impl Identity {
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(Self { pid, started: started(&stat)?, boot: boot.trim().to_owned() })
    }

    pub fn of_child(child: &Child) -> Result<Self> {
        let pid = i32::try_from(child.id())?;
        Self::of(pid).with_context(|| format!("process {pid} ended at once"))
    }

    pub fn of_this_process() -> Result<Self> {
        let pid = i32::try_from(std::process::id())?;
        Self::of(pid).context("cannot read /proc")
    }

    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Ends this process, then whatever is left of its group; never anybody else.
    pub fn end(&self, ask: Ask, patience: Duration) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        if !self.is_alive() {
            return;
        }
        let asked = match ask {
            Ask::Terminate => Signal::TERM,
            Ask::Interrupt => Signal::INT,
        };
        // A failure means that it ended in between, which is what we want.
        let _ = kill_process(pid, asked);
        let since = Instant::now();
        while self.is_alive() && since.elapsed() < patience {
            sleep(Duration::from_millis(20));
        }
        // It leads its own group, whose number stays taken while it has members.
        let _ = kill_process_group(pid, Signal::KILL);
    }

    /// Asks politely, without waiting: another supervisor, which ends its own children.
    pub fn ask_to_end(&self) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// Kills the processes with this `NAME=value` in their environment: what a service started in
/// process groups of their own, and did not take along when it ended.
pub fn end_marked(mark: &str) {
    // What is killed may just have started something.
    for _ in 0..10 {
        let left = marked(mark);
        if left.is_empty() {
            return;
        }
        for process in left.into_iter().filter(Identity::is_alive) {
            if let Some(pid) = Pid::from_raw(process.pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        sleep(Duration::from_millis(20));
    }
}

fn marked(mark: &str) -> Vec<Identity> {
    let carries = |pid: i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
    };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| carries(*pid)).filter_map(Identity::of).collect()
}

/// Starts a service: in its own process group (so that a Ctrl-C in the terminal
/// reaches only the supervisor, who ends things in order), with its output in a log.
pub fn start(command: &mut Command, log: &std::path::Path) -> Result<Child> {
    let out = fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Field 22 of `/proc/<pid>/stat`, unless the process is dead and only not yet
/// collected. The name in field 2 may hold spaces and brackets.
fn started(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_read_behind_any_name() {
        let rest = "1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        assert_eq!(started(&format!("9 (a) (b c) S {rest}")), Some(777));
        assert_eq!(started(&format!("9 (dead) Z {rest}")), None);
        assert_eq!(started("nonsense"), None);
    }

    #[test]
    fn another_process_with_the_same_number_is_not_this_one() {
        let mut child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let real = Identity::of_child(&child).unwrap();
        let earlier = Identity { started: real.started - 1, ..real.clone() };

        assert!(!earlier.is_alive());
        earlier.end(Ask::Terminate, Duration::ZERO);
        assert!(child.try_wait().unwrap().is_none(), "ended by mistake");

        real.end(Ask::Terminate, Duration::from_secs(5));
        assert!(!child.wait().unwrap().success());
        assert!(!real.is_alive());
    }

    #[test]
    fn what_left_its_group_is_found_by_its_mark() {
        let mark = format!("CADRE_TEST={}", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let sleep = |value| {
            let mut command = Command::new("sleep");
            command.arg("60").env(name, value).process_group(0).spawn().unwrap()
        };
        let (mut ours, mut other) = (sleep(value), sleep("another"));
        end_marked(&mark);
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "ended by mistake");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn what_ignores_a_polite_request_is_killed_with_its_children() {
        let script = "trap '' TERM; sleep 60 & wait; wait; sleep 60";
        let mut child = Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
        let identity = Identity::of_child(&child).unwrap();
        sleep(Duration::from_millis(200));
        identity.end(Ask::Terminate, Duration::from_millis(300));
        child.wait().unwrap();
        assert!(!identity.is_alive());
    }
}
