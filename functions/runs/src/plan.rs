//! Task: choose the steps that can run now.

use serde::Serialize;
use shared::{App, Error, Result};

use crate::model::RunRef;
use crate::queries::lifecycle;
use crate::waves::{self, Wave};

/// What the state machine branches on.
#[derive(Debug, Serialize)]
#[serde(tag = "next", rename_all = "lowercase")]
pub enum Plan {
    /// Run these in parallel, then plan again.
    Work { steps: Vec<Chosen> },
    /// Every step is done.
    Finish,
}

#[derive(Debug, Serialize)]
pub struct Chosen {
    pub id: String,
    /// `agent` or `room`.
    pub kind: String,
}

pub async fn handle(app: App, run: RunRef) -> Result<Plan> {
    let planned = app.db()?.tenant(run.tenant_id, async |tx| {
        let Some((steps, kinds)) = lifecycle::begin(tx, run.run_id).await? else {
            let state = lifecycle::state(tx, run.run_id).await?;
            return match state.as_str() {
                "succeeded" => Ok(Plan::Finish),
                _ => Err(Error::RunStopped(format!("the run is {state}"))),
            };
        };
        let chosen = match waves::next(&steps) {
            Wave::Done => return Ok(Plan::Finish),
            Wave::Stuck(step) => {
                return Err(Error::Invalid(format!("the run cannot pass step `{step}`")));
            }
            Wave::Work(chosen) => chosen,
        };
        let new =
            |id: &&str| steps.iter().any(|s| s.id == **id && s.state == waves::State::Pending);
        let pending: Vec<String> = chosen.iter().copied().filter(new).map(str::to_owned).collect();
        if !pending.is_empty() {
            lifecycle::schedule(tx, run.run_id, pending).await?;
        }
        let with_kind =
            steps.iter().zip(&kinds).filter(|(step, _)| chosen.contains(&step.id.as_str()));
        let steps =
            with_kind.map(|(step, kind)| Chosen { id: step.id.clone(), kind: kind.clone() });
        Ok(Plan::Work { steps: steps.collect() })
    });
    planned.await
}
