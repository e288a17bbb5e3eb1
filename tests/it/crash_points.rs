//! A function dies, or is cut off, at each named point of its line to the database; the next one
//! finishes what it began, once.

use anyhow::{Context, Result};
use runs::model::RunRef;
use serde_json::{Value, json};
use shared::App;
use tests::House;
use tests::crash::{self, Answer, At, Moment, Sandbox, until};
use tests::scripted::{Reply, Script};

use crate::crash::start;
use crate::team;

/// What is on record of a step.
#[derive(Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) state: String,
    /// Whether anybody ever claimed it.
    pub(crate) claimed: bool,
    pub(crate) turns: i32,
    pub(crate) leased: bool,
}

pub(crate) async fn facts(app: App, run: RunRef, step: &str) -> Result<Facts> {
    let sql = "-- it::facts
        select state, fence > 0 as claimed, turns, lease_until is not null as leased
        from steps where run_id = $1 and id = $2";
    let row = app.db()?.tenant(run.tenant_id, async |tx| tx.one(sql, &[&run.run_id, &step]).await);
    let row = row.await?;
    Ok(Facts {
        state: row.try_get("state")?,
        claimed: row.try_get("claimed")?,
        turns: row.try_get("turns")?,
        leased: row.try_get("leased")?,
    })
}

pub(crate) fn event(run: RunRef, step: &str, attempt: i32) -> Value {
    json!({ "tenant_id": run.tenant_id, "run_id": run.run_id, "step_id": step, "attempt": attempt })
}

#[track_caller]
pub(crate) fn value(answer: Answer) -> Value {
    match answer {
        Answer::Value(value) => value,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn error(answer: Answer) -> String {
    match answer {
        Answer::Error { name, .. } => name,
        other => panic!("{other:?}"),
    }
}

/// The points of a turn at the database, which is claimed by this statement; whether it is claimed,
/// and the turns on record, by then.
fn turn(claim: &'static str) -> Vec<(&'static str, At, bool, i32)> {
    let at = At::new;
    vec![
        ("before the claim", at(claim, Moment::Asked), false, 0),
        ("during the claim", at(claim, Moment::Committing), false, 0),
        ("after the claim, before the model call", at(claim, Moment::Committed), true, 0),
        ("after the model call, before the record", at("runs::record", Moment::Asked), true, 0),
        ("during the record", at("runs::record", Moment::Committing), true, 0),
        ("after the record", at("runs::record", Moment::Committed), true, 1),
    ]
}

#[tokio::test]
async fn a_step_that_dies_at_any_named_point_is_finished_once_by_the_next() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "document": "only.md" }]);
    team::workflow(&ada, "one", steps).await?;

    for (point, at, claimed, turns) in turn("runs::claim") {
        let run = start(&org, &ada, "one").await?;
        let (first, second) = sandboxes().await?;
        runs::plan::handle(house.app, run).await?;
        first.dies_at("runs-step", &event(run, "only", 0), at.clone()).await?;
        let now = facts(house.app, run, "only").await?;
        assert_eq!((now.claimed, now.turns), (claimed, turns), "{point}");
        assert_eq!(now.leased, claimed && turns == 0, "{point}");
        assert_eq!(first.model.count(), usize::from(at.statement == "runs::record"), "{point}");
        crash::ledger(house.app, org.tenant()).await.context(point)?;

        let report = value(second.call("runs-step", &event(run, "only", 1)).await);
        assert_eq!(report["next"], "done", "{point}");
        assert_eq!(second.model.count(), usize::from(turns == 0), "{point}");
        assert_eq!(tests::drive::to_the_end(house.app, run).await?, "succeeded");
        crash::succeeded(house.app, org.tenant()).await.context(point)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_line_that_is_cut_at_any_named_point_costs_no_second_model_call_once_there_is_an_answer()
-> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "document": "only.md" }]);
    team::workflow(&ada, "one", steps).await?;

    for (point, at, ..) in turn("runs::claim") {
        let run = start(&org, &ada, "one").await?;
        let worker = Sandbox::start(Script::echo()).await?;
        runs::plan::handle(house.app, run).await?;
        worker.tap.cut(at.clone());
        let answer = worker.call("runs-step", &event(run, "only", 0)).await;
        assert_eq!(worker.tap.cuts(), 1, "{point}");
        if at.statement == "runs::record" {
            // Whether the commit got through or not: the worker asks, or writes again.
            assert_eq!(value(answer)["next"], "done", "{point}");
        } else {
            assert_eq!(error(answer), "Unavailable", "{point}");
            value(worker.call("runs-step", &event(run, "only", 1)).await);
        }
        assert_eq!(worker.model.count(), 1, "{point}");
        assert_eq!(crate::runs_fencing::wasted(house.app, run).await?.0, 0, "{point}");
        assert_eq!(tests::drive::to_the_end(house.app, run).await?, "succeeded");
        crash::succeeded(house.app, org.tenant()).await.context(point)?;
    }
    Ok(())
}

async fn sandboxes() -> Result<(Sandbox, Sandbox)> {
    Ok((Sandbox::start(Script::echo()).await?, Sandbox::start(Script::echo()).await?))
}

#[tokio::test]
async fn a_step_that_dies_while_the_model_thinks_is_finished_once_by_the_next() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    team::workflow(&ada, "one", json!([{ "id": "only", "agent": "ann" }])).await?;
    let run = start(&org, &ada, "one").await?;
    runs::plan::handle(house.app, run).await?;

    let first = Sandbox::start(Script::replies([Reply::Silence])).await?;
    let second = Sandbox::start(Script::echo()).await?;
    tokio::select! {
        asked = until("the model is asked", async || Ok(first.model.count() == 1)) => asked?,
        answer = first.call("runs-step", &event(run, "only", 0)) => panic!("{answer:?}"),
    }
    let now = facts(house.app, run, "only").await?;
    assert_eq!((now.claimed, now.turns, now.leased), (true, 0, true));

    value(second.call("runs-step", &event(run, "only", 1)).await);
    assert_eq!(tests::drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await?;
    Ok(())
}

#[tokio::test]
async fn a_room_that_dies_at_any_point_of_any_turn_goes_on_where_it_was() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben"] {
        team::agent(&ada, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben"], "turns": 2 });
    let steps = json!([{ "id": "talk", "kind": "room", "room": room, "document": "talk.md" }]);
    team::workflow(&ada, "room", steps).await?;

    for (point, at, ..) in turn("runs::claim_room") {
        // Two planned turns and the closing one.
        for times in 1..=3 {
            let run = start(&org, &ada, "room").await?;
            let (first, second) = sandboxes().await?;
            runs::plan::handle(house.app, run).await?;
            first.dies_at_last("runs-room", &event(run, "talk", 0), at.clone(), times).await?;
            crash::ledger(house.app, org.tenant()).await.context(point)?;
            value(second.call("runs-room", &event(run, "talk", 1)).await);
            assert_eq!(tests::drive::to_the_end(house.app, run).await?, "succeeded", "{point}");
            crash::succeeded(house.app, org.tenant()).await.context(point)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn planning_and_closing_that_die_at_any_point_are_done_once_by_the_next() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let (first, second) = sandboxes().await?;
    let every = [Moment::Asked, Moment::Committing, Moment::Committed];
    let plan = ["runs::begin", "runs::schedule"]
        .into_iter()
        .flat_map(|statement| every.map(|moment| At::new(statement, moment)));

    for at in plan {
        let run = start(&org, &ada, "five").await?;
        first.dies_at("runs-plan", &json!(run), at).await?;
        crash::ledger(house.app, org.tenant()).await?;
        let planned = value(second.call("runs-plan", &json!(run)).await);
        assert_eq!(planned["steps"], json!([{ "id": "first", "kind": "agent" }]));
        assert_eq!(tests::drive::to_the_end(house.app, run).await?, "succeeded");
    }
    for moment in every {
        let run = start(&org, &ada, "five").await?;
        while let runs::plan::Plan::Work { steps } = runs::plan::handle(house.app, run).await? {
            tests::drive::wave(house.app, run, steps).await?;
        }
        first.dies_at("runs-finish", &json!(run), At::new("runs::end", moment)).await?;
        let closed = value(second.call("runs-finish", &json!(run)).await);
        assert_eq!(closed["state"], "succeeded");
    }
    crash::succeeded(house.app, org.tenant()).await?;

    for moment in every {
        let run = start(&org, &ada, "five").await?;
        runs::plan::handle(house.app, run).await?;
        let mut failure = event(run, "first", 0);
        failure["error"] = json!("ModelRefused");
        let last = if moment == Moment::Asked { "runs::end" } else { "runs::state" };
        first.dies_at("runs-fail", &failure, At::new(last, moment)).await?;
        let closed = value(second.call("runs-fail", &failure).await);
        assert_eq!(closed["state"], "failed");
    }
    crash::ended(house.app, org.tenant()).await
}
