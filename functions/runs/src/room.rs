//! Task: run a room's turns for one slice of time, then hand back to the state machine.

use std::time::{Duration, Instant};

use shared::{App, Result};
use workflows::model::Kind;

use crate::step::Report;
use crate::turn::{self, Outcome, Work};

/// Begin no turn after this; a function's timeout leaves room for the turn that was begun.
const SLICE: Duration = Duration::from_mins(2);

pub async fn handle(app: App, work: Work) -> Result<Report> {
    let started = Instant::now();
    loop {
        let outcome = turn::take(app, &work, Kind::Room).await?;
        if let Outcome::Done(then) = outcome {
            return Ok(Report { step_id: work.step_id, next: "done", then });
        }
        if started.elapsed() >= SLICE {
            return Ok(Report { step_id: work.step_id, next: "more", then: None });
        }
    }
}
