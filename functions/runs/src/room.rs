//! Task: run a room's turns for one slice of time, then hand back to the state machine.

use std::time::{Duration, Instant};

use shared::{App, Result};

use crate::step::Report;
use crate::turn::{self, Outcome, Work};

/// Begin no turn after this; a function's timeout leaves room for the turn that was begun.
const SLICE: Duration = Duration::from_mins(2);

pub async fn handle(app: App, work: Work) -> Result<Report> {
    let started = Instant::now();
    let mut outcome = turn::take(app, &work).await?;
    while outcome == Outcome::More && started.elapsed() < SLICE {
        outcome = turn::take(app, &work).await?;
    }
    let next = if outcome == Outcome::Done { "done" } else { "more" };
    Ok(Report { step_id: work.step_id, next })
}
