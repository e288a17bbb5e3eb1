//! Schedule `rate(1 minute)`: tell Step Functions what it has not heard yet.
//!
//! Starting or stopping an execution is written into the outbox with the change that asks for it,
//! and tried at once; what did not get through is found here. Telling twice is harmless: an
//! execution's name is its run's id. What runs that ended still hold of the caps comes back from here
//! as well.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{App, Error, Result};
use tokio::time::timeout;
use uuid::Uuid;

use crate::model::RunRef;
use crate::queries::lifecycle;
use crate::settle;

/// Younger messages are still with whoever wrote them.
const PATIENCE_SECONDS: f64 = 20.0;
const MOST: i32 = 200;
/// How long whoever asked for a run waits for Step Functions to hear of it.
const SOON: Duration = Duration::from_secs(2);
/// How long the schedule does, for each message.
const LATER: Duration = Duration::from_secs(10);

/// A schedule's event; what is in it does not matter.
#[derive(Deserialize)]
pub struct Tick {}

#[derive(Serialize)]
pub struct Dispatched {
    pub delivered: usize,
    pub failed: usize,
}

pub async fn handle(app: App, _: Tick) -> Result<Dispatched> {
    let waiting = app
        .db()?
        .system(async |tx| lifecycle::undelivered(tx, PATIENCE_SECONDS, MOST).await)
        .await?;
    let mut done = Dispatched { delivered: 0, failed: 0 };
    let gone = AtomicBool::new(false);
    for (tenant, message) in waiting {
        let told = async |topic: &str, run| match topic {
            // There may be many of them, and starts must not wait for what does not answer.
            "spend.settle" if gone.load(Relaxed) => {
                Err(Error::Conflict("not asked again now".into()))
            }
            "spend.settle" => {
                let settled = settle::by_bill(app, run).await;
                gone.store(matches!(settled, Err(Error::Unavailable(_))), Relaxed);
                settled
            }
            _ => tell(app, topic, run).await,
        };
        match deliver(app, (tenant, message), LATER, told).await {
            Ok(()) => done.delivered += 1,
            Err(error) => {
                error.log();
                done.failed += 1;
            }
        }
    }
    Ok(done)
}

/// A message that has just been written, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    pub id: Uuid,
    pub topic: &'static str,
    pub run: Uuid,
}

/// Right after the commit; a failure is no failure of the request, the schedule tries again.
pub async fn soon(app: App, tenant: Uuid, message: Message) {
    let run = RunRef { tenant_id: tenant, run_id: message.run };
    let told = async |topic: &str, run| tell(app, topic, run).await;
    if let Err(error) = tell_once(app, (message.id, message.topic), run, SOON, told).await {
        error.log();
    }
}

async fn deliver(
    app: App,
    (tenant, message): (Uuid, Uuid),
    patience: Duration,
    tell: impl AsyncFnOnce(&str, RunRef) -> Result<()>,
) -> Result<()> {
    let waits = app.db()?.tenant(tenant, async |tx| lifecycle::message(tx, message).await).await?;
    let Some((topic, run)) = waits else { return Ok(()) };
    let run = RunRef { tenant_id: tenant, run_id: run };
    tell_once(app, (message, &topic), run, patience, tell).await
}

async fn tell_once(
    app: App,
    (message, topic): (Uuid, &str),
    run: RunRef,
    patience: Duration,
    tell: impl AsyncFnOnce(&str, RunRef) -> Result<()>,
) -> Result<()> {
    let told = timeout(patience, tell(topic, run)).await;
    told.map_err(|_| Error::Unavailable(anyhow!("{topic}: no answer in {patience:?}")))??;
    app.db()?.tenant(run.tenant_id, async |tx| lifecycle::delivered(tx, message).await).await
}

async fn tell(app: App, topic: &str, run: RunRef) -> Result<()> {
    let states = app.states()?;
    let name = run.run_id.to_string();
    match topic {
        "run.stop" => states.stop(&name, "cancelled by a user").await,
        _ => states.start(&name, &json!(run)).await.map(drop),
    }
}
