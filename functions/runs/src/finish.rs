//! Task: close a run whose steps are done.

use serde::Serialize;
use shared::{App, Error, Result};

use crate::model::RunRef;
use crate::queries::lifecycle;
use crate::settle;

#[derive(Debug, Serialize)]
pub struct Closed {
    pub state: String,
}

pub async fn handle(app: App, run: RunRef) -> Result<Closed> {
    let db = app.db()?;
    if lifecycle::succeed(db, run).await? {
        settle::soon(app, run).await;
        return Ok(Closed { state: "succeeded".into() });
    }
    let state = db.tenant(run.tenant_id, async |tx| lifecycle::state(tx, run.run_id).await);
    match state.await? {
        state if state == "succeeded" => Ok(Closed { state }),
        state => Err(Error::RunStopped(format!("the run is {state}, or a step is not done"))),
    }
}
