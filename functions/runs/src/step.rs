//! Task: run one agent's step.

use serde::Serialize;
use shared::{App, Result};
use workflows::model::Kind;

use crate::plan::Plan;
use crate::purse::Purse;
use crate::turn::{self, Outcome, Work};

#[derive(Debug, Serialize)]
pub struct Report {
    pub step_id: String,
    /// `done`, `more` when a room wants another slice of time, or `wait` when it waits for a person.
    pub next: &'static str,
    /// Of `wait`: when to look again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// What the run does next, if this step was alone in its wave: then nobody need plan again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Plan>,
}

pub async fn handle(app: App, work: Work) -> Result<Report> {
    let mut purse = Purse::default();
    let worked = Box::pin(turns(app, &mut purse, &work)).await;
    purse.close(app).await;
    Ok(Report { step_id: work.step_id, next: "done", seconds: None, then: worked? })
}

async fn turns(app: App, purse: &mut Purse, work: &Work) -> Result<Option<Plan>> {
    loop {
        if let Outcome::Done(then) = turn::take(app, purse, work, Kind::Agent).await? {
            return Ok(then);
        }
    }
}
