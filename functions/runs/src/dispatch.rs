//! Schedule `rate(1 minute)`: tell Step Functions what it has not heard yet.
//!
//! Starting or stopping an execution is written into the outbox with the change that asks for it,
//! and tried at once; what did not get through is found here. Telling twice is harmless: an
//! execution's name is its run's id.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{App, Result};
use uuid::Uuid;

use crate::model::RunRef;
use crate::queries::lifecycle;

/// Younger messages are still with whoever wrote them.
const PATIENCE_SECONDS: f64 = 20.0;
const MOST: i32 = 200;

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
    for (tenant, message) in waiting {
        match deliver(app, tenant, message).await {
            Ok(()) => done.delivered += 1,
            Err(error) => {
                error.log();
                done.failed += 1;
            }
        }
    }
    Ok(done)
}

/// Right after the commit; a failure is no failure of the request, the schedule tries again.
pub(crate) async fn soon(app: App, tenant: Uuid, message: Uuid) {
    if let Err(error) = deliver(app, tenant, message).await {
        error.log();
    }
}

async fn deliver(app: App, tenant: Uuid, message: Uuid) -> Result<()> {
    let db = app.db()?;
    let waits = db.tenant(tenant, async |tx| lifecycle::message(tx, message).await).await?;
    let Some((topic, run)) = waits else { return Ok(()) };
    let states = app.states().await?;
    let name = run.to_string();
    match topic.as_str() {
        "run.stop" => states.stop(&name, "cancelled by a user").await?,
        _ => drop(states.start(&name, &json!(RunRef { tenant_id: tenant, run_id: run })).await?),
    }
    db.tenant(tenant, async |tx| lifecycle::delivered(tx, message).await).await
}
