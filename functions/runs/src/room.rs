//! Task: run a room's turns for one slice of time, then hand back to the state machine.

use std::time::{Duration, Instant};

use shared::{App, Result};
use workflows::model::Kind;

use crate::purse::Purse;
use crate::step::Report;
use crate::turn::{self, Outcome, Work};

/// Begin no turn after this; a function's timeout leaves room for the turn that was begun.
const SLICE: Duration = Duration::from_mins(2);

pub async fn handle(app: App, work: Work) -> Result<Report> {
    let mut purse = Purse::default();
    let worked = Box::pin(turns(app, &mut purse, &work)).await;
    purse.close(app).await;
    worked
}

async fn turns(app: App, purse: &mut Purse, work: &Work) -> Result<Report> {
    let started = Instant::now();
    loop {
        let (next, seconds, then) = match turn::take(app, purse, work, Kind::Room).await? {
            Outcome::Done(then) => ("done", None, then),
            Outcome::Waits(seconds) => ("wait", Some(seconds), None),
            Outcome::More if started.elapsed() >= SLICE => ("more", None, None),
            Outcome::More => continue,
        };
        return Ok(Report { step_id: work.step_id.clone(), next, seconds, then });
    }
}
