//! `POST /v1/runs/{id}/cancel`: stop a run. What is on record stays; nothing more is begun.

use axum::extract::State;
use shared::db::Tx;
use shared::http::{Accepted, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::dispatch::{self, Message};
use crate::model::{RunDetail, RunRef};
use crate::queries::{self, lifecycle};
use crate::settle;

/// Every run that somebody started and that has not ended: when they may no longer be here. To be
/// told after the commit: [`dispatch::soon`] for each message.
pub async fn all_of(tx: &Tx<'_>, caller: &Caller, user: Uuid) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for id in lifecycle::open_of(tx, user).await? {
        let run = RunRef { tenant_id: caller.tenant, run_id: id };
        if lifecycle::end(tx, run, "cancelled", None, None).await? {
            shared::audit::record(tx, caller, "run.cancelled", id).await?;
            let message = stop(id);
            lifecycle::tell_stop(tx, message.id, id).await?;
            messages.push(message);
        }
    }
    Ok(messages)
}

fn stop(run: Uuid) -> Message {
    Message { id: Uuid::now_v7(), topic: "run.stop", run }
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Accepted<RunDetail>> {
    let run = RunRef { tenant_id: caller.tenant, run_id: id };
    let message = stop(id);
    let db = app.db()?;
    let stopped = db.tenant(caller.tenant, async |tx| {
        if lifecycle::end(tx, run, "cancelled", None, None).await? {
            shared::audit::record(tx, &caller, "run.cancelled", id).await?;
            lifecycle::tell_stop(tx, message.id, id).await?;
            return Ok(true);
        }
        match lifecycle::state(tx, id).await?.as_str() {
            // Asked twice is asked once.
            "cancelled" => Ok(false),
            state => Err(Error::Conflict(format!("the run has {state} already"))),
        }
    });
    let stopped = stopped.await?;
    if stopped {
        dispatch::soon(app, caller.tenant, message).await;
        settle::soon(app, run).await;
    }
    let run = db.tenant(caller.tenant, async |tx| queries::by_id(tx, id).await).await?;
    Ok(Accepted { value: run, replayed: !stopped })
}
