//! A run is cancelled: nothing more is begun, nothing stays reserved, what is on record stays.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::crash::{self, At, Chaos, Dangers, Dice, Machine, Moment, Sandbox};
use tests::scripted::Script;
use tests::{House, Person, drive};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::crash::start;
use crate::crash_points::{error, event, facts, value};
use crate::runs_fencing::wasted;
use crate::team;

async fn cancel(person: &Person<'_>, run: RunRef) -> Result<tests::Reply> {
    person.post(&format!("/v1/runs/{}/cancel", run.run_id), json!({})).await
}

async fn get(person: &Person<'_>, run: RunRef) -> Result<Value> {
    Ok(person.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200))
}

#[tokio::test]
async fn a_run_that_is_cancelled_in_the_middle_begins_nothing_more() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    runs::plan::handle(house.app, run).await?;

    let worker = Sandbox::start(Script::echo()).await?;
    worker.tap.hold(At::new("runs::record", Moment::Asked));
    let slow = tokio::spawn(worker.call("runs-step", &event(run, "first", 0)));
    worker.tap.held().await;
    assert!(get(&ada, run).await?["spend"]["reserved_tokens"].as_i64() > Some(0));

    let cancelled = cancel(&ada, run).await?.expect(202);
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(cancelled["spend"]["reserved_tokens"], 0);
    for step in cancelled["steps"].as_array().unwrap() {
        assert_eq!(step["state"], "cancelled");
    }

    worker.tap.let_go();
    assert_eq!(error(slow.await?), "RunStopped", "the worker under way stops");
    assert_eq!(wasted(house.app, run).await?.0, 1, "its call was paid for");
    let again = Sandbox::start(Script::echo()).await?;
    for (function, event) in [
        ("runs-step", event(run, "first", 1)),
        ("runs-room", event(run, "talk", 0)),
        ("runs-plan", json!(run)),
        ("runs-finish", json!(run)),
    ] {
        assert_eq!(error(again.call(function, &event).await), "RunStopped", "{function}");
    }
    assert_eq!(again.model.count(), 0);
    let mut failure = event(run, "first", 0);
    failure["error"] = json!("RunStopped");
    assert_eq!(value(again.call("runs-fail", &failure).await)["state"], "cancelled");

    assert_eq!(facts(house.app, run, "first").await?.turns, 0);
    let after = get(&ada, run).await?;
    assert_eq!((&after["state"], &after["error"]), (&json!("cancelled"), &Value::Null));
    crash::ended(house.app, org.tenant()).await
}

#[tokio::test]
async fn cancelling_twice_is_cancelling_once() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;

    let first = cancel(&ada, run).await?;
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let first = first.expect(202);
    let second = cancel(&ada, run).await?;
    assert_eq!(second.headers["idempotent-replayed"], "true");
    assert_eq!(second.expect(202), first);

    let sql = "-- it::stops
        select (select count(*) from outbox where subject = $1 and topic = 'run.stop') as told,
               (select count(*) from audit_log where subject = $1 and action = 'run.cancelled') as noted";
    let row = house.app.db()?;
    let row = row.tenant(run.tenant_id, async |tx| tx.one(sql, &[&run.run_id]).await).await?;
    assert_eq!((row.get::<_, i64>("told"), row.get::<_, i64>("noted")), (1, 1));
    crash::ended(house.app, org.tenant()).await
}

#[tokio::test]
async fn a_run_that_has_ended_cannot_be_cancelled() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;

    let run = start(&org, &ada, "five").await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    assert_eq!(cancel(&ada, run).await?.problem(409), "conflict");
    assert_eq!(get(&ada, run).await?["state"], "succeeded");

    let run = start(&org, &ada, "five").await?;
    let failure = json!({ "tenant_id": run.tenant_id, "run_id": run.run_id, "error": "Internal" });
    runs::fail::handle(house.app, serde_json::from_value(failure)?).await?;
    assert_eq!(cancel(&ada, run).await?.problem(409), "conflict");
    assert_eq!(get(&ada, run).await?["state"], "failed");
    Ok(())
}

#[tokio::test]
async fn only_those_who_may_can_cancel() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;

    let eve = house.organization();
    assert_eq!(cancel(&eve.admin(), run).await?.problem(404), "not-found");
    let nobody = RunRef { run_id: Uuid::now_v7(), ..run };
    assert_eq!(cancel(&ada, nobody).await?.problem(404), "not-found");
    let reader = org.member("rob", &["runs:read"]);
    assert_eq!(cancel(&reader, run).await?.problem(403), "forbidden");
    assert_eq!(get(&ada, run).await?["state"], "queued");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_are_cancelled_at_any_moment_are_cancelled_or_done_and_owe_nothing() -> Result<()>
{
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let dangers = Dangers { kills: 5, ghosts: 10, cuts: 5 };
    let dice = Dice::new();
    println!("CRASH_SEED={}", dice.seed);
    let chaos = Chaos::start(8, dice, dangers).await?;
    let machine = Machine::new(Arc::clone(&chaos));

    let began = Instant::now();
    assert_eq!(machine.execute(start(&org, &ada, "five").await?).await?, "succeeded");
    let whole = u32::try_from(began.elapsed().as_millis())?;

    let mut executions = JoinSet::new();
    let mut cancelled = 0;
    for _ in 0..40 {
        let run = start(&org, &ada, "five").await?;
        let executing = machine.clone();
        executions.spawn(async move { executing.execute(run).await });
        let wait = Duration::from_millis(u64::from(chaos.dice.up_to(whole + whole / 2)));
        tokio::time::sleep(wait).await;
        let reply = cancel(&ada, run).await?;
        match reply.status.as_u16() {
            202 => cancelled += 1,
            _ => assert_eq!(reply.problem(409), "conflict"),
        }
        crash::ledger(house.app, org.tenant()).await?;
    }
    while let Some(state) = executions.join_next().await {
        // Finish finds the run cancelled, or fail leaves it so.
        let state = state?.unwrap_or_else(|stopped| stopped.to_string());
        assert!(
            state == "succeeded" || state == "cancelled" || state.contains("RunStopped"),
            "{state}"
        );
    }
    chaos.tally().await?;
    tests::tell(&format!("Cancel: {cancelled} of 40 were cancelled under way"));
    assert!(cancelled > 0, "none was cancelled under way: this proves nothing");
    crash::ended(house.app, org.tenant()).await
}
