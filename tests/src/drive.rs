//! What the state machine `run` does, in this process: for tests and benchmarks of the functions.
//! The machine itself is run by the emulator's interpreter in the end-to-end tests.

use anyhow::Result;
use runs::model::RunRef;
use runs::plan::{Chosen, Plan};
use runs::turn::Work;
use shared::{App, Error};
use tokio::task::JoinSet;

/// Plans and works until the run is closed; `Ok` is the state it ended in.
pub async fn to_the_end(app: App, run: RunRef) -> Result<String, Error> {
    let mut plan = runs::plan::handle(app, run).await?;
    while let Plan::Work { steps } = plan {
        plan = match wave(app, run, steps).await? {
            Some(then) => then,
            None => runs::plan::handle(app, run).await?,
        };
    }
    Ok(runs::finish::handle(app, run).await?.state)
}

/// One wave, side by side: what comes next, if its last step could tell. The first error once all
/// have ended.
pub async fn wave(app: App, run: RunRef, steps: Vec<Chosen>) -> Result<Option<Plan>, Error> {
    let mut workers = JoinSet::new();
    for step in steps {
        workers.spawn(one(app, run, step));
    }
    let mut outcome = Ok(None);
    while let Some(ended) = workers.join_next().await {
        let ended = ended.map_err(|e| Error::Internal(e.into()))?;
        outcome = outcome.and_then(|then: Option<Plan>| Ok(ended?.or(then)));
    }
    outcome
}

async fn one(app: App, run: RunRef, step: Chosen) -> Result<Option<Plan>, Error> {
    let work = Work { run, step_id: step.id, attempt: 0 };
    if step.kind == "agent" {
        return Ok(runs::step::handle(app, work).await?.then);
    }
    loop {
        let report = runs::room::handle(app, work.clone()).await?;
        match report.next {
            "done" => return Ok(report.then),
            "wait" => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            _ => {}
        }
    }
}
