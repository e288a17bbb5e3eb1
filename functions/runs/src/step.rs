//! Task: run one agent's step.

use serde::Serialize;
use shared::{App, Result};

use crate::turn::{self, Outcome, Work};

#[derive(Debug, Serialize)]
pub struct Report {
    pub step_id: String,
    /// `done`, or `more` when a room wants another slice of time.
    pub next: &'static str,
}

pub async fn handle(app: App, work: Work) -> Result<Report> {
    while turn::take(app, &work).await? == Outcome::More {}
    Ok(Report { step_id: work.step_id, next: "done" })
}
