//! The host is killed as a process is, again and again, while runs are under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::House;
use tests::crash::{self, Dice, HostProcess, Machine};
use tests::scripted::{Latency, Script};
use tokio::task::JoinSet;

use crate::crash::{size, start};
use crate::team;

const SIDE_BY_SIDE: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_20_runs_in_a_process_that_is_killed_again_and_again_none_is_lost_doubled_or_stuck()
-> Result<()> {
    let runs = size("CRASH_PROCESS_RUNS", 20);
    let thinks = Latency::Fixed(Duration::from_millis(20));
    let house = House::with_model(Script::echo().latency(thinks))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;

    let dice = Dice::new();
    println!("CRASH_SEED={} CRASH_PROCESS_RUNS={runs}", dice.seed);
    let host = Arc::new(HostProcess::start(&[
        ("MODEL_PROVIDER", "openai"),
        ("MODEL_BASE_URL", &house.model.base_url),
        ("MODEL_NAME", "scripted-1"),
        ("DATABASE_POOL", "4"),
    ])?);
    let machine = Machine::new(Arc::clone(&host));

    let began = Instant::now();
    let killer = tokio::spawn(kill_again_and_again(Arc::clone(&host), dice));
    let mut under_way = JoinSet::new();
    for _ in 0..runs {
        if under_way.len() == SIDE_BY_SIDE {
            under_way.join_next().await.context("no run is under way")???;
        }
        let run = start(&org, &ada, "five").await?;
        let machine = machine.clone();
        under_way.spawn(async move {
            let ends = tokio::time::timeout(Duration::from_mins(2), machine.execute(run)).await;
            let state = ends.with_context(|| format!("run {} is stuck", run.run_id))??;
            ensure!(state == "succeeded", "run {} has {state}", run.run_id);
            Ok(())
        });
    }
    while let Some(ended) = under_way.join_next().await {
        ended??;
    }
    killer.abort();
    let kills = host.kills.load(Ordering::Relaxed);
    let interrupted = host.interrupted.load(Ordering::Relaxed);
    tests::tell(&format!(
        "Crash of the host: {runs} runs in {:?}: {kills} processes killed, {interrupted} functions under way in them",
        began.elapsed()
    ));
    assert!(interrupted > 0, "no function was killed: this proves nothing");
    assert_eq!(crash::succeeded(house.app, org.tenant()).await?, i64::try_from(runs)?);
    Ok(())
}

/// Each process lives for so many answers and a moment, so that on a slow machine too some
/// functions come to an end and some do not.
async fn kill_again_and_again(host: Arc<HostProcess>, dice: Dice) -> Result<()> {
    loop {
        host.answered(3 + dice.up_to(20)).await;
        tokio::time::sleep(Duration::from_millis(u64::from(dice.up_to(20)))).await;
        host.kill_and_restart()?;
    }
}
