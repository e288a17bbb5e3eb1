//! Two hundred branches race for 1.00 at 0.05 a call through the whole product, while functions are
//! killed, lines cut, and providers say nothing of what was used; and a switch stops what runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use runs::model::RunRef;
use serde_json::{Map, Value, json};
use shared::Secret;
use shared::app::Parts;
use shared::dynamo::Dynamo;
use shared::llm::{Provider, Settings};
use spend::model::{Account, Scope};
use spend::store::Spend;
use tests::crash::{self, Chaos, Dangers, Dice, Machine, Sandbox};
use tests::dynamo::{BadLine, at, own_line};
use tests::scripted::{Latency, Reply, Script, Server};
use tests::{House, Organization};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::crash::start;
use crate::spend_accounts::{agree, cap, driven, switch};
use crate::team;

const RUNS: usize = 5;
/// Of each run, side by side.
const BRANCHES: usize = 40;
const CAP: i64 = 1_000_000;
/// The most a call can use at 0.8 and 3.2 millionths of a dollar a token: 0.05.
const CONTEXT: u32 = 50_000;
const ANSWER: u32 = 3_125;

/// Dear enough to count: Bedrock's protocol, with a model that has a price.
fn priced(model: &Server) -> Settings {
    Settings {
        provider: Provider::Bedrock,
        base_url: Some(model.endpoint.clone()),
        api_key: Some(Secret::new("a-key".into())),
        model: "amazon.nova-pro-v1:0".into(),
        context_tokens: CONTEXT,
        timeout: Duration::from_secs(10),
        sampling: Map::new(),
    }
}

fn answer(dice: &Dice) -> Reply {
    let mut body = json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": "Done." }] } },
        "stopReason": "end_turn",
        "metrics": { "latencyMs": 1 },
        "usage": { "inputTokens": dice.up_to(CONTEXT), "outputTokens": dice.up_to(ANSWER) },
    });
    match dice.up_to(100) {
        // Paid for, perhaps, and nobody hears the answer.
        1..=8 => Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        9..=14 => Reply::status(503),
        15..=30 => {
            body.as_object_mut().unwrap().remove("usage");
            Reply::converse(&body)
        }
        _ => {
            let sum = body["usage"]["inputTokens"].as_u64().unwrap()
                + body["usage"]["outputTokens"].as_u64().unwrap();
            body["usage"]["totalTokens"] = sum.into();
            Reply::converse(&body)
        }
    }
}

/// Runs of one organization, each with forty steps side by side.
async fn begin(org: &Organization<'_>) -> Result<Vec<RunRef>> {
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let step = |n| json!({ "id": format!("s{n}"), "agent": "ann", "max_output_tokens": ANSWER });
    team::workflow(&ada, "wide", (0..BRANCHES).map(step).collect()).await?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(start(org, &ada, "wide").await?);
    }
    Ok(runs)
}

async fn account(dynamo: &Dynamo, tenant: Uuid) -> Result<Account> {
    Ok(Spend::reading(dynamo).account(tenant, &Scope::Tenant).await?)
}

/// Never more is spent and held than the cap allows, whenever one looks.
async fn watch(dynamo: Dynamo, tenant: Uuid, most: Arc<AtomicI64>) -> Result<()> {
    loop {
        let Account { taken, spent, .. } = account(&dynamo, tenant).await?;
        ensure!(taken.micros <= CAP && spent.fits(taken), "{taken:?} taken, {spent:?} spent");
        most.fetch_max(taken.micros, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_branches_race_for_one_dollar_and_ledger_and_bill_agree() -> Result<()> {
    let url = own_line()?;
    let house = House::of(Script::echo(), Parts { dynamo: at(&url).into(), ..Parts::default() })?;
    let org = house.organization();
    let tenant = org.tenant();
    let runs = begin(&org).await?;
    cap(&org.admin(), json!({ "scope": "tenant", "micros": CAP })).await?;

    let dice = Dice::new();
    println!("CRASH_SEED={}", dice.seed);
    let line = BadLine::to(&url).await?;
    let mut sandboxes = Vec::new();
    for _ in 0..16 {
        let replies: Vec<_> = (0..200).map(|_| answer(&dice)).collect();
        let thinks = Latency::Fixed(Duration::from_millis(15));
        let script = Script::replies(replies).latency(thinks);
        sandboxes.push(Sandbox::of(script, priced, at(&line.url)).await?);
    }
    let dangers = Dangers { kills: 20, ghosts: 4, cuts: 4 };
    let chaos = Chaos::of(sandboxes, dice, dangers);
    let machine = Machine::new(Arc::clone(&chaos));
    let most = Arc::new(AtomicI64::new(0));
    let watched = tokio::spawn(watch(at(&url), tenant, Arc::clone(&most)));

    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for run in &runs {
        let (machine, run) = (machine.clone(), *run);
        under_way.spawn(async move { machine.execute(run).await });
    }
    let mut states = Vec::new();
    while let Some(state) = under_way.join_next().await {
        states.push(state??);
    }
    let tally = chaos.tally().await?;
    let took = began.elapsed();
    ensure!(!watched.is_finished(), "{:?}", watched.await?);
    watched.abort();
    let highest = most.load(Ordering::Relaxed);

    // The runs have ended: what was not used is back, but for calls of which nobody knows yet.
    let raced = account(&at(&url), tenant).await?;
    let later = spend::store::now() + 400_000;
    let mut assumed = 0;
    for run in &runs {
        assumed += Spend::reading(&at(&url)).assumed(tenant, run.run_id).await?.len();
        runs::settle::by_bill_at(house.app, *run, later).await?;
    }
    let end = account(&at(&url), tenant).await?;
    assert_eq!(end.held().micros, 0, "everything comes back: {end:?}");
    assert!(end.spent.micros <= CAP && raced.spent.micros <= CAP, "{end:?}");
    crash::ended(house.app, tenant).await?;
    let (tokens, micros) = agree(&house, &org).await?;
    assert_eq!((tokens, micros), (end.spent.tokens, end.spent.micros));
    assert!(states.iter().any(|state| state == "stopped"), "the cap stopped nobody: {states:?}");
    assert!(CAP - end.spent.micros < 50_000 * 4, "the cap was hardly reached: {end:?}");
    let sql = "-- it::turns
        select count(*) filter (where not wasted) as taken, count(*) filter (where wasted) as wasted,
               count(*) filter (where estimated) as estimated
        from usage";
    let row = house.app.db()?.tenant(tenant, async |tx| tx.one(sql, &[]).await).await?;
    let n = |name| row.try_get::<_, i64>(name);
    tests::tell(&format!(
        "Spend: {} branches of {RUNS} runs race for {CAP} at 50000 each in {:.1} s: {} turns taken, {} \
         calls paid in vain, {} counted here; {} functions killed, {} given up, {} lines to Postgres cut; \
         to DynamoDB {} throttled, {} failed, {} answers lost; at most {highest} taken at any moment, \
         settled {} (before the bill {}), held 0, {assumed} calls of the dead settled by the bill; ledger \
         {} and bill {micros} agree; runs {states:?}",
        RUNS * BRANCHES,
        took.as_secs_f64(),
        n("taken")?,
        n("wasted")?,
        n("estimated")?,
        tally.killed(),
        tally.ghosts,
        tally.cuts,
        line.throttled.load(Ordering::Relaxed),
        line.failed.load(Ordering::Relaxed),
        line.lost.load(Ordering::Relaxed),
        end.spent.micros,
        raced.spent.micros,
        end.spent.micros,
    ));

    // There is more to spend: work goes on.
    cap(&org.admin(), json!({ "scope": "tenant" })).await?;
    let again = start(&org, &org.admin(), "wide").await?;
    assert_eq!(driven(&house, again).await?, "succeeded");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_stops_all_calls_of_rooms_under_way_within_two_seconds() -> Result<()> {
    let thinks = Latency::Fixed(Duration::from_millis(40));
    let house = House::with_model(Script::echo().latency(thinks).keeping_calls())?;
    let house: &'static House = Box::leak(Box::new(house));
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben"] {
        team::agent(&ada, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben"], "turns": 50 });
    let steps = json!([{ "id": "talk", "kind": "room", "room": room }]);
    team::workflow(&ada, "long", steps).await?;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(start(&org, &ada, "long").await?);
    }
    let mut under_way = JoinSet::new();
    for run in &runs {
        let run = *run;
        under_way.spawn(async move { driven(house, run).await });
    }
    let enough = async || Ok(house.model.count() > 60);
    crash::until("the rooms talk", enough).await?;
    switch(&ada, "tenant", None, Some("it runs away")).await?;
    let switched = Instant::now();
    while let Some(state) = under_way.join_next().await {
        assert_eq!(state??, "stopped");
    }
    let last = house.model.calls().iter().map(|call| call.at).max().context("no call")?;
    let after = last.saturating_duration_since(switched);
    assert!(after <= Duration::from_secs(2), "{after:?}");
    for run in &runs {
        let run = ada.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200);
        assert_eq!(run["error"]["name"], "SpendStopped", "{}", run["error"]);
    }
    let calls = house.model.count();
    agree(house, &org).await?;
    crash::ended(house.app, org.tenant()).await?;
    tests::tell(&format!(
        "Spend: switched off under 8 rooms after {calls} calls: the last one began {} ms later",
        after.as_millis()
    ));
    let other: Value = json!({ "scope": "tenant", "off": null });
    ada.put("/v1/spend/switch", other).await?.expect(200);
    Ok(())
}
