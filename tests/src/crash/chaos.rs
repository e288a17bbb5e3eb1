//! A house of sandboxes in which none is safe: functions are killed, given up and cut off at
//! random, and every blow is counted with the point at which it fell.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::machine::{Answer, Invoke};
use super::sandbox::Sandbox;
use super::{Dice, after_polls};
use crate::scripted::Script;

/// How much goes wrong, of a hundred calls.
#[derive(Clone, Copy, Debug)]
pub struct Dangers {
    /// The function is gone in the middle.
    pub kills: u32,
    /// The machine gives it up, and it goes on all the same.
    pub ghosts: u32,
    /// Its line to the database is cut.
    pub cuts: u32,
}

enum Danger {
    Kill,
    Ghost,
    Cut,
}

/// What was done to them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub calls: u32,
    pub kills: BTreeMap<(&'static str, String), u32>,
    pub ghosts: u32,
    pub cuts: u32,
    /// Polls of the last call that was left alone.
    polls: BTreeMap<&'static str, u32>,
}

/// The machine tries a planning six times again: the last tries are left alone, so that a run that
/// fails has been failed by us.
const DANGEROUS_TRIES: u32 = 4;

pub struct Chaos {
    idle: Arc<Mutex<Vec<Sandbox>>>,
    free: Arc<Semaphore>,
    size: u32,
    pub dice: Dice,
    dangers: Dangers,
    tally: Mutex<Tally>,
}

impl Chaos {
    pub async fn start(size: u32, dice: Dice, dangers: Dangers) -> Result<Arc<Self>> {
        let mut idle = Vec::new();
        for _ in 0..size {
            idle.push(Sandbox::start(Script::echo()).await?);
        }
        Ok(Self::of(idle, dice, dangers))
    }

    /// In these sandboxes.
    pub fn of(idle: Vec<Sandbox>, dice: Dice, dangers: Dangers) -> Arc<Self> {
        let size = u32::try_from(idle.len()).unwrap_or(u32::MAX);
        let free = Arc::new(Semaphore::new(idle.len()));
        let idle = Arc::new(Mutex::new(idle));
        Arc::new(Self { idle, free, size, dice, dangers, tally: Mutex::default() })
    }

    /// Once every ghost has gone.
    pub async fn tally(&self) -> Result<Tally> {
        drop(self.free.acquire_many(self.size).await?);
        let mut tally = self.tally.lock().unwrap().clone();
        tally.cuts = self.idle.lock().unwrap().iter().map(|sandbox| sandbox.tap.cuts()).sum();
        Ok(tally)
    }

    fn danger(&self, retries: u32) -> Option<Danger> {
        let Dangers { kills, ghosts, cuts } = self.dangers;
        match self.dice.up_to(100) {
            _ if retries >= DANGEROUS_TRIES => None,
            drawn if drawn <= kills => Some(Danger::Kill),
            drawn if drawn <= kills + ghosts => Some(Danger::Ghost),
            drawn if drawn <= kills + ghosts + cuts => Some(Danger::Cut),
            _ => None,
        }
    }

    fn polls(&self, function: &str) -> u32 {
        let whole = self.tally.lock().unwrap().polls.get(function).copied();
        self.dice.up_to(whole.unwrap_or(10))
    }
}

impl Invoke for Chaos {
    async fn invoke(&self, function: &'static str, event: Value, retries: u32) -> Answer {
        let place = Arc::clone(&self.free).acquire_owned().await.expect("never closed");
        let sandbox = self.idle.lock().unwrap().pop().expect("a place is a sandbox");
        self.tally.lock().unwrap().calls += 1;
        sandbox.tap.begin();
        let before = sandbox.model.count();
        let call = sandbox.call(function, &event);
        let danger = self.danger(retries);
        if matches!(danger, Some(Danger::Cut)) {
            sandbox.tap.cut_after(self.dice.up_to(12) - 1);
        }
        let polls = match danger {
            Some(Danger::Kill | Danger::Ghost) => self.polls(function),
            Some(Danger::Cut) | None => u32::MAX,
        };
        let unfinished = match after_polls(polls, call).await {
            Ok((answer, polls)) => {
                if danger.is_none() {
                    self.tally.lock().unwrap().polls.insert(function, polls);
                }
                leave(&self.idle, sandbox, place);
                return answer;
            }
            Err(unfinished) => unfinished,
        };
        if matches!(danger, Some(Danger::Ghost)) {
            self.tally.lock().unwrap().ghosts += 1;
            let idle = Arc::clone(&self.idle);
            tokio::spawn(async move {
                let _ = unfinished.await;
                leave(&idle, sandbox, place);
            });
            return Answer::Killed;
        }
        // Meanwhile what it has sent goes its way.
        tokio::time::sleep(Duration::from_micros(u64::from(self.dice.up_to(3_000)))).await;
        drop(unfinished);
        let point = sandbox.point(before);
        *self.tally.lock().unwrap().kills.entry((function, point)).or_default() += 1;
        sandbox.tap.renew();
        leave(&self.idle, sandbox, place);
        Answer::Killed
    }
}

fn leave(idle: &Mutex<Vec<Sandbox>>, sandbox: Sandbox, place: OwnedSemaphorePermit) {
    idle.lock().unwrap().push(sandbox);
    drop(place);
}

impl Tally {
    pub fn killed(&self) -> u32 {
        self.kills.values().sum()
    }

    /// Kills of this function at points that begin so.
    pub fn kills_at(&self, function: &str, point: &str) -> u32 {
        let at = self.kills.iter().filter(|((f, p), _)| *f == function && p.starts_with(point));
        at.map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, ghosts, cuts, .. } = self;
        writeln!(f, "{calls} calls: {} killed, {ghosts} given up, {cuts} cut off", self.killed())?;
        for ((function, point), count) in &self.kills {
            writeln!(f, "  {function:<12} {point:<36} {count:>6}")?;
        }
        Ok(())
    }
}
