//! Two workers on one step: one writes, the other is refused, and what it cost is on record.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::json;
use shared::App;
use tests::crash::{self, Answer, At, Moment, Sandbox};
use tests::scripted::{Reply, Script};
use tests::{House, Organization, drive};
use tokio::task::JoinSet;

use crate::crash::start;
use crate::crash_points::{error, event, facts, value};
use crate::team;

/// A run of one step, planned.
async fn planned(house: &House, org: &Organization<'_>) -> Result<RunRef> {
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "document": "only.md" }]);
    team::workflow(&ada, "one", steps).await?;
    let run = start(org, &ada, "one").await?;
    runs::plan::handle(house.app, run).await?;
    Ok(run)
}

async fn sandbox() -> Result<Sandbox> {
    Sandbox::start(Script::echo()).await
}

/// Calls of this run that were paid for in vain, and what they used.
pub(crate) async fn wasted(app: App, run: RunRef) -> Result<(i64, i64)> {
    let sql = "-- it::wasted
        select count(*) as n, coalesce(sum(input_tokens + output_tokens), 0)::bigint as tokens
        from usage where run_id = $1 and wasted";
    let row = app.db()?.tenant(run.tenant_id, async |tx| tx.one(sql, &[&run.run_id]).await).await?;
    Ok((row.try_get("n")?, row.try_get("tokens")?))
}

async fn tokens(app: App, run: RunRef) -> Result<i64> {
    let sql = "-- it::tokens
        select input_tokens + output_tokens as n from runs where id = $1";
    let row = app.db()?.tenant(run.tenant_id, async |tx| tx.one(sql, &[&run.run_id]).await).await?;
    Ok(row.try_get("n")?)
}

#[tokio::test]
async fn while_the_lease_lives_the_same_attempt_is_refused_and_a_higher_one_takes_over()
-> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let (first, second) = (sandbox().await?, sandbox().await?);

    first.tap.hold(At::new("runs::record", Moment::Asked));
    let slow = tokio::spawn(first.call("runs-step", &event(run, "only", 0)));
    first.tap.held().await;

    assert_eq!(error(second.call("runs-step", &event(run, "only", 0)).await), "Unavailable");
    assert_eq!(second.model.count(), 0, "a worker without the lease calls no model");
    value(second.call("runs-step", &event(run, "only", 1)).await);
    let before = tokens(house.app, run).await?;

    first.tap.let_go();
    assert_eq!(error(slow.await?), "RunStopped");
    let (calls, cost) = wasted(house.app, run).await?;
    assert_eq!(calls, 1, "what the refused worker called for is on record");
    assert_eq!(tokens(house.app, run).await?, before + cost, "and in the run's totals");
    assert_eq!(facts(house.app, run, "only").await?.turns, 1);
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await?;
    Ok(())
}

#[tokio::test]
async fn who_was_overtaken_cannot_write_though_nobody_else_has_written_yet() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let (first, second) = (sandbox().await?, sandbox().await?);

    first.tap.hold(At::new("runs::record", Moment::Asked));
    let slow = tokio::spawn(first.call("runs-step", &event(run, "only", 0)));
    first.tap.held().await;
    second.tap.hold(At::new("runs::record", Moment::Asked));
    let next = tokio::spawn(second.call("runs-step", &event(run, "only", 1)));
    second.tap.held().await;

    first.tap.let_go();
    assert_eq!(error(slow.await?), "RunStopped");
    let now = facts(house.app, run, "only").await?;
    assert_eq!((now.turns, now.leased), (0, true), "the lease is the second worker's");
    crash::ledger(house.app, org.tenant()).await?;
    second.tap.let_go();
    value(next.await?);
    assert_eq!(wasted(house.app, run).await?.0, 1);
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}

#[tokio::test]
async fn the_record_itself_refuses_what_is_there_already() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    // Should every guard before it fail, the key still holds.
    for (what, again) in [
        ("a message", "insert into messages select * from messages where run_id = $1"),
        ("a call of a turn", "insert into usage select * from usage where run_id = $1"),
        (
            "another worker's call of a turn",
            "insert into usage (run_id, step_id, turn, fence, provider, model, input_tokens,
                                output_tokens, estimated, calls, duration_ms)
             select run_id, step_id, turn, fence + 1, provider, model, 0, 0, false, 1, 0
             from usage where run_id = $1",
        ),
        (
            "a document",
            "insert into documents (id, run_id, step_id, name, content, digest)
             select sec.tenant(), run_id, step_id, name, 'another', '' from documents
             where run_id = $1",
        ),
        ("an event", "insert into run_events select * from run_events where run_id = $1"),
    ] {
        let doubled = house.app.db()?.tenant(run.tenant_id, async |tx| {
            tx.run(&format!("-- it::again\n{again}"), &[&run.run_id]).await
        });
        assert_eq!(doubled.await.err().map(|e| e.name()), Some("Conflict"), "{what}");
    }
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}

#[tokio::test]
async fn a_lease_that_has_run_out_can_be_taken_by_anybody() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let (first, second) = (sandbox().await?, sandbox().await?);

    first.tap.hold(At::new("runs::record", Moment::Asked));
    let slow = tokio::spawn(first.call("runs-step", &event(run, "only", 0)));
    first.tap.held().await;
    let expire = "-- it::expire
        update steps set lease_until = now() - interval '1 second' where run_id = $1";
    house.app.db()?.tenant(run.tenant_id, async |tx| tx.run(expire, &[&run.run_id]).await).await?;

    value(second.call("runs-step", &event(run, "only", 0)).await);
    first.tap.let_go();
    assert_eq!(error(slow.await?), "RunStopped");
    assert_eq!(wasted(house.app, run).await?.0, 1);
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await?;
    Ok(())
}

/// The first worker is held in the middle of a commit, with its locks; the next one comes and has
/// to wait; then both go on. Says what came of the first.
async fn overtaken(
    house: &House,
    run: RunRef,
    first: &Sandbox,
    at: &str,
) -> Result<(Answer, Answer)> {
    let second = sandbox().await?;
    first.tap.hold(At::new(at, Moment::Committing));
    let slow = tokio::spawn(first.call("runs-step", &event(run, "only", 0)));
    first.tap.held().await;
    let next = tokio::spawn(second.call("runs-step", &event(run, "only", 1)));
    second.waits(house.app).await?;
    first.tap.let_go();
    let slow = slow.await?;
    Ok((slow, next.await?))
}

/// What the machine does with a worker that found everything in motion.
async fn end(house: &House, org: &Organization<'_>, run: RunRef) -> Result<()> {
    crash::ledger(house.app, org.tenant()).await?;
    let again = sandbox().await?;
    value(again.call("runs-step", &event(run, "only", 2)).await);
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}

#[tokio::test]
async fn a_worker_that_comes_while_the_record_is_committed_finds_the_step_done() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let first = sandbox().await?;
    let (slow, next) = overtaken(&house, run, &first, "runs::record").await?;
    value(slow);
    value(next);
    assert_eq!(wasted(house.app, run).await?.0, 0);
    end(&house, &org, run).await
}

#[tokio::test]
async fn a_worker_that_comes_while_the_claim_is_committed_takes_it_over() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let first = sandbox().await?;
    let (slow, next) = overtaken(&house, run, &first, "runs::claim").await?;
    let done = [&slow, &next].iter().filter(|answer| matches!(answer, Answer::Value(_))).count();
    // Whoever is faster now; the other finds it done, or is refused.
    assert!(done >= 1, "{slow:?} {next:?}");
    end(&house, &org, run).await
}

#[tokio::test]
async fn a_worker_that_comes_while_another_gives_up_reserves_once() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let first = Sandbox::start(Script::replies([Reply::status(400)])).await?;
    let (slow, next) = overtaken(&house, run, &first, "runs::release").await?;
    assert_eq!(error(slow), "ModelRefused");
    value(next);
    end(&house, &org, run).await
}

#[tokio::test]
async fn of_ten_workers_with_one_attempt_one_calls_the_model() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let mut workers = JoinSet::new();
    for _ in 0..10 {
        let work = runs::turn::Work { run, step_id: "only".into(), attempt: 0 };
        workers.spawn(runs::step::handle(house.app, work));
    }
    for outcome in workers.join_all().await {
        let refused = outcome.err().map_or("Unavailable", |error| error.name());
        assert_eq!(refused, "Unavailable", "busy is worth another try, and nothing else is true");
    }
    assert_eq!(house.model.count(), 1);
    end(&house, &org, run).await
}

#[tokio::test]
async fn of_ten_workers_with_ten_attempts_one_takes_the_turn() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let mut workers = JoinSet::new();
    for attempt in 0..10 {
        let work = runs::turn::Work { run, step_id: "only".into(), attempt };
        workers.spawn(runs::step::handle(house.app, work));
    }
    for outcome in workers.join_all().await {
        let refused = outcome.err().map_or("RunStopped", |error| error.name());
        assert!(["Unavailable", "RunStopped"].contains(&refused), "{refused}");
    }
    let calls = i64::try_from(house.model.count())?;
    assert_eq!(wasted(house.app, run).await?.0, calls - 1, "every call is on record");
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}

#[tokio::test]
async fn a_claim_that_the_database_forgot_in_a_crash_is_not_given_out_again() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let (first, second) = (sandbox().await?, sandbox().await?);
    first.tap.hold(At::new("runs::record", Moment::Asked));
    let slow = tokio::spawn(first.call("runs-step", &event(run, "only", 0)));
    first.tap.held().await;
    // Claims are committed without waiting for the disk: this is what a crash may leave of one.
    let forget = "-- it::forget
        with step as (
            update steps set fence = 0, attempt = 0, lease_until = null, state = 'scheduled',
                             reserved_tokens = 0, reserved_micros = 0
            where run_id = $1
        )
        update runs set reserved_tokens = 0, reserved_micros = 0 where id = $1";
    house.app.db()?.tenant(run.tenant_id, async |tx| tx.run(forget, &[&run.run_id]).await).await?;

    first.tap.let_go();
    assert_eq!(error(slow.await?), "RunStopped");
    assert_eq!(wasted(house.app, run).await?.0, 1);
    value(second.call("runs-step", &event(run, "only", 1)).await);
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}

#[tokio::test]
async fn who_finds_a_step_busy_that_is_free_when_it_asks_why_is_to_try_again() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = planned(&house, &org).await?;
    let first = Sandbox::start(Script::replies([Reply::status(400)])).await?;
    let second = Sandbox::start(Script::echo()).await?;

    first.tap.hold(At::new("runs::release", Moment::Asked));
    let holder = tokio::spawn(first.call("runs-step", &event(run, "only", 0)));
    first.tap.held().await;
    second.tap.hold(At::new("runs::why_not", Moment::Asked));
    let double = tokio::spawn(second.call("runs-step", &event(run, "only", 0)));
    second.tap.held().await;
    first.tap.let_go();
    assert_eq!(error(holder.await?), "ModelRefused");
    second.tap.let_go();
    assert_eq!(error(double.await?), "Unavailable", "no cap was near");

    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}
