//! Two hundred branches race for 1.00 at 0.05 a call, while workers are killed, lines cut, and
//! providers say nothing of what was used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::line::{Dice, Emulator};
use anyhow::{Result, anyhow, ensure};
use shared::Error;
use shared::dynamo::Dynamo;
use spend::items;
use spend::lease::Used;
use spend::model::{Amount, Call, Caps, Party, Scope};
use spend::store::{Denied, Holding, Spend};
use tokio::sync::Semaphore;
use uuid::Uuid;

const BRANCHES: usize = 200;
const CAP: i64 = 1_000_000;
const MOST: Amount = Amount { tokens: 1_000, micros: 50_000 };
/// A worker's silence, in milliseconds.
const PATIENCE: i64 = 2_000;

/// What the provider bills, by lease and call: it knows, whoever else does.
#[derive(Clone, Copy)]
struct Billed {
    amount: Amount,
    /// It told nobody how much.
    silent: bool,
}

struct Race {
    begun: Instant,
    dice: Arc<Dice>,
    dynamo: Dynamo,
    gate: Semaphore,
    party: Party,
    calls: u16,
    bill: Mutex<HashMap<(Uuid, i64), Billed>>,
    killed: AtomicU32,
    stopped: AtomicU32,
}

impl Race {
    fn now(&self) -> i64 {
        1_764_590_000_000 + i64::try_from(self.begun.elapsed().as_millis()).unwrap_or_default()
    }

    /// Until the cap stops it, or it has had enough.
    async fn work(&self, held: &mut Option<Holding>, calls: u16) -> Result<bool, Denied> {
        let spend = Spend::new(&self.dynamo, self.calls, PATIENCE);
        for _ in 0..calls {
            {
                // So many processes at once is what the emulator can bear.
                let _permit = self.gate.acquire().await.map_err(|_| broken())?;
                spend.begin(held, &self.party, (&Call::default(), MOST), self.now()).await?;
            }
            let Some(used) = self.call(held.as_ref()).await.map_err(Error::Internal)? else {
                return Ok(false);
            };
            Spend::settle(held, used);
        }
        spend.close(held, self.now()).await?;
        Ok(true)
    }

    /// `None` for a worker that died of it: before the provider heard of it, or after.
    async fn call(&self, held: Option<&Holding>) -> Result<Option<Used>> {
        let held = held.ok_or_else(|| anyhow!("a call without a lease"))?;
        self.pause(20).await;
        let death = self.dice.below(8);
        if death == 0 {
            return Ok(None);
        }
        let part = i64::try_from(1 + self.dice.below(100))?;
        let amount = Amount::new(MOST.tokens * part / 100, MOST.micros * part / 100);
        let silent = self.dice.below(10) == 0;
        let place = (held.id, held.lease.calls);
        let before = self.bill.lock().map_err(|_| anyhow!("poisoned"))?;
        let twice = { before }.insert(place, Billed { amount, silent });
        ensure!(twice.is_none(), "one call, billed twice");
        self.pause(20).await;
        Ok(match death {
            1 => None,
            _ if silent => Some(Used::Unknown),
            _ => Some(Used::Counted(amount)),
        })
    }

    async fn pause(&self, most: u64) {
        tokio::time::sleep(Duration::from_millis(self.dice.below(most))).await;
    }

    /// A branch: its worker may be killed anywhere, and another one goes on.
    async fn branch(&self, calls: u16) -> Result<()> {
        loop {
            let life = if self.dice.below(4) == 0 { 10 + self.dice.below(600) } else { 60_000 };
            let mut held = None;
            let worked =
                tokio::time::timeout(Duration::from_millis(life), self.work(&mut held, calls));
            match worked.await {
                // Nothing is given back, nothing said.
                Err(_) | Ok(Ok(false)) => drop(self.killed.fetch_add(1, Ordering::Relaxed)),
                Ok(Ok(true)) => return Ok(()),
                Ok(Err(Denied::Stop(stop))) if stop.may_pass() => self.pause(1_500).await,
                Ok(Err(Denied::Stop(_))) => {
                    self.stopped.fetch_add(1, Ordering::Relaxed);
                    let spend = Spend::new(&self.dynamo, self.calls, PATIENCE);
                    return Ok(spend.close(&mut held, self.now()).await?);
                }
                // The state machine tries again; what is held expires.
                Ok(Err(Denied::Failed(Error::Unavailable(_)))) => self.pause(100).await,
                Ok(Err(Denied::Failed(error))) => return Err(error.into()),
            }
        }
    }
}

async fn race(calls: u16, each: u16, branches: usize) -> Result<()> {
    let emulator = Emulator::start().await?;
    let dice = Arc::new(Dice::new());
    let (dynamo, cuts) = emulator.bad_line(2, &dice).await?;
    let party = Party {
        tenant: Uuid::from_u128(1),
        run: Uuid::from_u128(2),
        agent: Some(Uuid::from_u128(3)),
        user: Uuid::from_u128(4),
    };
    let sure = emulator.client().await;
    let looking = Spend::new(&sure, calls, PATIENCE);
    let cap = Caps { micros: Some(CAP), ..Caps::default() };
    looking.cap(party.tenant, &Scope::Run(party.run), cap).await?;
    let race = Arc::new(Race {
        begun: Instant::now(),
        dice,
        dynamo,
        gate: Semaphore::new(24),
        party: party.clone(),
        calls,
        bill: Mutex::default(),
        killed: AtomicU32::default(),
        stopped: AtomicU32::default(),
    });
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..branches {
        let race = race.clone();
        workers.spawn(async move { race.branch(each).await });
    }
    let (tenant, run) = (party.tenant, Scope::Run(party.run));
    let mut looks = 0;
    while !workers.is_empty() {
        if let Ok(account) = looking.account(tenant, &run).await {
            ensure!(account.taken.micros <= CAP, "{account:?}");
            ensure!(account.spent.fits(account.taken), "{account:?}");
            looks += 1;
        }
        while let Some(ended) = workers.try_join_next() {
            ended??;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = race.begun.elapsed();

    // Whoever was killed is silent for good.
    let item = sure.item(&items::account_key(tenant, &run)).await?;
    let dead = item.texts("leases").to_vec();
    let later = race.now() + 10 * PATIENCE;
    let (one, other) = tokio::try_join!(
        looking.reclaim(tenant, party.run, later),
        looking.reclaim(tenant, party.run, later)
    )?;
    assert_eq!(one + other, dead.len(), "each is reclaimed once");
    let settled = looking.account(tenant, &run).await?;
    assert_eq!(settled.held(), Amount::NOTHING, "everything comes back");
    assert!(settled.spent.micros <= CAP, "{settled:?}");

    let bill = race.bill.lock().map_err(|_| anyhow!("poisoned"))?.clone();
    let sum = |amounts: &mut dyn Iterator<Item = Amount>| {
        amounts.fold(Amount::NOTHING, |sum, amount| sum + amount)
    };
    let billed = sum(&mut bill.values().map(|call| call.amount));
    assert!(billed.fits(settled.spent), "what was billed is on the ledger");

    // The provider's bill arrives, and says what the calls of the dead did use.
    let mut corrected = Vec::new();
    for assumed in looking.assumed(tenant, party.run).await? {
        let id = assumed.lease;
        let kept = items::lease(&sure.item(&items::lease_key(tenant, id)).await?);
        let call = (id, kept.ok_or_else(|| anyhow!("no lease {id}"))?.calls);
        let used = bill.get(&call).map_or(Used::Nothing, |call| Used::Counted(call.amount));
        looking.correct(tenant, id, used).await?;
        assert!(looking.correct(tenant, id, used).await.is_err(), "once");
        corrected.push(call);
    }
    assert!(looking.assumed(tenant, party.run).await?.is_empty());
    let silent = bill.iter().filter(|(place, call)| call.silent && !corrected.contains(place));
    let over = sum(&mut silent.map(|(_, call)| MOST - call.amount));
    let end = looking.account(tenant, &run).await?;
    assert_eq!(end.spent, billed + over, "ledger and bill agree to the last unit");
    assert_eq!(end.held(), Amount::NOTHING);
    for scope in party.scopes(jiff::civil::date(2025, 12, 1)) {
        let account = looking.account(tenant, &scope).await?;
        assert_eq!((account.spent, account.taken), (end.spent, end.taken), "{scope}");
    }
    print(&format!(
        "seed {}: {branches} branches, {calls} calls a lease, {:.1} s: {} calls, {} workers killed, {} lines \
         cut, {} stopped, {} leases reclaimed at the end, {} corrected, {looks} looks; settled {} of {CAP}, \
         billed {}, of silent providers' calls beyond that {}, after correction {}",
        race.dice.seed,
        took.as_secs_f64(),
        bill.len(),
        race.killed.load(Ordering::Relaxed),
        cuts.load(Ordering::Relaxed),
        race.stopped.load(Ordering::Relaxed),
        dead.len(),
        corrected.len(),
        settled.spent.micros,
        billed.micros,
        over.micros,
        end.spent.micros,
    ));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "figures")]
fn print(text: &str) {
    println!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_branches_never_pass_one_dollar_call_by_call() -> Result<()> {
    race(1, 1, BRANCHES).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_branches_never_pass_one_dollar_by_chunks() -> Result<()> {
    race(4, 4, BRANCHES).await
}

/// What a lease saves: its first call looks at all accounts and takes of all, the others are one
/// small write.
#[tokio::test]
async fn most_calls_of_a_lease_are_one_small_write() -> Result<()> {
    let emulator = Emulator::start().await?;
    let dynamo = emulator.client().await;
    let ids = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let party = Party { tenant: ids.0, run: ids.1, agent: Some(ids.2), user: Uuid::from_u128(4) };
    let spend = Spend::new(&dynamo, 16, PATIENCE);
    let (mut held, mut leases, mut first, mut others) = (None, Vec::new(), vec![], vec![]);
    for _ in 0..64 {
        let begun = Instant::now();
        spend.begin(&mut held, &party, (&Call::default(), MOST), 0).await?;
        let took = begun.elapsed();
        let id = held.as_ref().map(|held: &Holding| held.id);
        if leases.last() == Some(&id) {
            others.push(took);
        } else {
            leases.push(id);
            first.push(took);
        }
        Spend::settle(&mut held, Used::Counted(MOST));
    }
    spend.close(&mut held, 0).await?;
    assert_eq!((leases.len(), others.len()), (4, 60));
    let account = spend.account(party.tenant, &Scope::Tenant).await?;
    assert_eq!((account.spent.micros, account.held().micros), (64 * MOST.micros, 0));
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1_000.0
    };
    let (first, others) = (median(&mut first), median(&mut others));
    print(&format!("before a call: {first:.1} ms on a new lease, {others:.1} ms on one at hand"));
    Ok(())
}

fn broken() -> Error {
    Error::Internal(anyhow!("the gate is closed"))
}

/// Every scope: calls go on until the switch, and none begins two seconds after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_stops_new_calls_within_two_seconds() -> Result<()> {
    let emulator = Emulator::start().await?;
    let dynamo = Arc::new(emulator.client().await);
    let dice = Dice::new();
    for n in 0..4 {
        let begun = Instant::now();
        let party = Party {
            tenant: Uuid::from_u128(100 + n),
            run: Uuid::from_u128(2),
            agent: Some(Uuid::from_u128(3)),
            user: Uuid::from_u128(4),
        };
        let scope = party.scopes(jiff::civil::date(2025, 12, 1))[usize::try_from(n)?].clone();
        let (last, off) = (Arc::new(Mutex::new(begun)), Arc::new(AtomicBool::new(false)));
        let mut workers: tokio::task::JoinSet<Result<i64>> = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (dynamo, party, last) = (dynamo.clone(), party.clone(), last.clone());
            let off = off.clone();
            let pause = Duration::from_millis(30 + dice.below(50));
            workers.spawn(async move {
                let spend = Spend::new(&dynamo, 1_000, PATIENCE);
                let mut held = None;
                let mut calls = 0;
                loop {
                    let now = i64::try_from(begun.elapsed().as_millis()).unwrap_or_default();
                    match spend.begin(&mut held, &party, (&Call::default(), MOST), now).await {
                        Ok(()) => *last.lock().map_err(|_| anyhow!("poisoned"))? = Instant::now(),
                        Err(Denied::Stop(_)) if off.load(Ordering::SeqCst) => break,
                        // Nobody answered in time: nothing begins.
                        Err(Denied::Failed(Error::Unavailable(_))) => {
                            tokio::time::sleep(pause).await;
                            continue;
                        }
                        Err(denied) => return Err(denied.into()),
                    }
                    calls += 1;
                    tokio::time::sleep(pause).await;
                    Spend::settle(&mut held, Used::Counted(MOST));
                }
                while spend.close(&mut held, 0).await.is_err() {
                    tokio::time::sleep(pause).await;
                }
                Ok(calls)
            });
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        off.store(true, Ordering::SeqCst);
        let spend = Spend::new(&dynamo, 1, PATIENCE);
        spend.switch(party.tenant, &scope, Some("it runs away")).await?;
        let switched = Instant::now();
        let mut calls = 0;
        while let Some(ended) = workers.join_next().await {
            calls += ended??;
        }
        let last = *last.lock().map_err(|_| anyhow!("poisoned"))?;
        let after = last.saturating_duration_since(switched);
        assert!(after <= Duration::from_secs(2), "{scope}: {after:?}");
        let account = spend.account(party.tenant, &scope).await?;
        assert_eq!(account.held(), Amount::NOTHING);
        assert_eq!(account.spent.micros, MOST.micros * calls);
        print(&format!(
            "{scope}: {calls} calls, the last {} ms after the switch",
            after.as_millis()
        ));

        spend.switch(party.tenant, &scope, None).await?;
        let mut held = None;
        spend.begin(&mut held, &party, (&Call::default(), MOST), 0).await?;
        spend.close(&mut held, 0).await?;
    }
    Ok(())
}
