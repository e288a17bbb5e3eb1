//! Functions are killed, given up and cut off at random; nothing is lost, doubled or stuck.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use runs::model::RunRef;
use serde_json::json;
use tests::crash::{self, Chaos, Dangers, Dice, Machine};
use tests::{House, Organization, Person};
use tokio::task::JoinSet;

use crate::team;

/// Runs under way at the same time.
const SIDE_BY_SIDE: usize = 8;

/// Starts a run, and says where it is.
pub(crate) async fn start(
    org: &Organization<'_>,
    person: &Person<'_>,
    workflow: &str,
) -> Result<RunRef> {
    let brief = json!({ "workflow": workflow, "brief": "A shop that repairs bicycles." });
    let run = person.post("/v1/runs", brief).await?.expect(202);
    Ok(RunRef { tenant_id: org.tenant(), run_id: run["id"].as_str().unwrap().parse()? })
}

pub(crate) fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|size| size.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_300_runs_whose_functions_die_at_random_none_is_lost_doubled_or_stuck() -> Result<()> {
    let runs = size("CRASH_RUNS", 300);
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;

    let dice = Dice::new();
    println!("CRASH_SEED={} CRASH_RUNS={runs}", dice.seed);
    let dangers = Dangers { kills: 30, ghosts: 5, cuts: 10 };
    let chaos = Chaos::start(16, dice, dangers).await?;
    let machine = Machine::new(Arc::clone(&chaos));

    let began = Instant::now();
    let watched = tokio::spawn(watch(house.app, org.tenant()));
    let mut under_way = JoinSet::new();
    for _ in 0..runs {
        if under_way.len() == SIDE_BY_SIDE {
            ended(under_way.join_next().await)?;
        }
        let run = start(&org, &ada, "five").await?;
        let machine = machine.clone();
        under_way.spawn(async move {
            let ends = tokio::time::timeout(Duration::from_mins(1), machine.execute(run)).await;
            let state = ends.with_context(|| format!("run {} is stuck", run.run_id))??;
            ensure!(state == "succeeded", "run {} has {state}", run.run_id);
            Ok(())
        });
    }
    while let Some(one) = under_way.join_next().await {
        ended(Some(one))?;
    }
    let tally = chaos.tally().await?;
    ensure!(!watched.is_finished(), "{:?}", watched.await?);
    watched.abort();
    tests::tell(&format!("Crash: {runs} runs in {:?}; {tally}", began.elapsed()));

    let counted = crash::succeeded(house.app, org.tenant()).await?;
    assert_eq!(counted, i64::try_from(runs)?, "none is lost");
    for function in ["runs-plan", "runs-step", "runs-room", "runs-finish"] {
        assert!(
            tally.kills_at(function, "") > 0,
            "{function} was never killed: this proves nothing"
        );
    }
    assert!(tally.ghosts > 0 && tally.cuts > 0, "nobody was given up or cut off");
    Ok(())
}

fn ended(run: Option<Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    run.context("no run is under way")??
}

/// Looks again and again; comes back only with what it found broken.
async fn watch(app: shared::App, tenant: uuid::Uuid) -> anyhow::Error {
    loop {
        let began = Instant::now();
        if let Err(broken) = crash::ledger(app, tenant).await {
            return broken;
        }
        // The more there is to look at, the less often.
        tokio::time::sleep(began.elapsed() * 10).await;
    }
}

#[tokio::test]
async fn a_step_that_dies_after_any_of_its_polls_is_taken_once_by_the_next() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "document": "only.md" }]);
    team::workflow(&ada, "one", steps).await?;

    let mut died = 0;
    for polls in 1.. {
        let run = start(&org, &ada, "one").await?;
        runs::plan::handle(house.app, run).await?;
        let work = runs::turn::Work { run, step_id: "only".into(), attempt: 0 };
        let step = Box::pin(runs::step::handle(house.app, work.clone()));
        let killed = crash::dies_after(polls, step).await;
        let next = runs::turn::Work { attempt: 1, ..work };
        assert_eq!(runs::step::handle(house.app, next).await?.next, "done");
        assert_eq!(tests::drive::to_the_end(house.app, run).await?, "succeeded");
        crash::succeeded(house.app, org.tenant()).await.with_context(|| format!("poll {polls}"))?;
        match killed {
            Some((answer, _)) => {
                assert_eq!(answer?.next, "done");
                break;
            }
            None => died += 1,
        }
    }
    tests::tell(&format!("Crash: died after each of {died} polls"));
    // It waits for the claim, for the model, and for the record.
    assert!(died >= 3, "{died} polls cannot have reached every point");
    Ok(())
}
