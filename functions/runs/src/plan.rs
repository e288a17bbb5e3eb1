//! Task: choose the steps that can run now.

use serde::Serialize;
use shared::{App, Error, Result};

use crate::model::RunRef;
use crate::queries::lifecycle;
use crate::waves::{self, State, Step, Wave};

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

/// A plan, and which of its steps nobody was told of yet.
#[derive(Debug)]
pub struct Planned {
    pub plan: Plan,
    pub pending: Vec<String>,
}

impl Planned {
    pub fn of(steps: &[Step]) -> Result<Self> {
        let chosen = match waves::next(steps) {
            Wave::Done => return Ok(Self { plan: Plan::Finish, pending: vec![] }),
            Wave::Stuck(step) => {
                return Err(Error::Invalid(format!("the run cannot pass step `{step}`")));
            }
            Wave::Work(chosen) => chosen,
        };
        let pending = chosen.iter().filter(|step| step.state == State::Pending);
        let pending = pending.map(|step| step.id.clone()).collect();
        let steps = chosen.into_iter();
        let steps = steps.map(|step| Chosen { id: step.id.clone(), kind: step.kind.clone() });
        Ok(Self { plan: Plan::Work { steps: steps.collect() }, pending })
    }

    /// What comes once this step is done. Only the last of a wave can tell: `None` while another
    /// step is under way, or when the run cannot pass.
    pub fn after(step: &str, mut steps: Vec<Step>) -> Option<Self> {
        for other in &mut steps {
            match other.state {
                _ if other.id == step => other.state = State::Succeeded,
                State::Scheduled | State::Running => return None,
                _ => {}
            }
        }
        Self::of(&steps).ok()
    }
}

pub async fn handle(app: App, run: RunRef) -> Result<Plan> {
    let db = app.db()?;
    let Some(steps) = lifecycle::begin(db, run).await? else {
        let state = db.tenant(run.tenant_id, async |tx| lifecycle::state(tx, run.run_id).await);
        return match state.await?.as_str() {
            "succeeded" => Ok(Plan::Finish),
            state => Err(Error::RunStopped(format!("the run is {state}"))),
        };
    };
    let Planned { plan, pending } = Planned::of(&steps)?;
    if !pending.is_empty() {
        lifecycle::schedule(db, run, pending).await?;
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::{Plan, Planned, State, Step};

    fn step(id: &str, state: State, needs: &[&str]) -> Step {
        let needs = needs.iter().map(|need| (*need).to_owned()).collect();
        Step { id: id.into(), state, kind: "agent".into(), needs }
    }

    #[test]
    fn the_last_of_a_wave_tells_what_comes_next_and_the_others_do_not() {
        let mut steps = vec![
            step("a", State::Running, &[]),
            step("b", State::Running, &[]),
            step("c", State::Pending, &["a", "b"]),
        ];
        assert!(Planned::after("a", steps.clone()).is_none());
        steps[0].state = State::Succeeded;
        let next = Planned::after("b", steps.clone()).unwrap();
        assert_eq!(next.pending, ["c"]);
        assert!(matches!(next.plan, Plan::Work { steps } if steps.len() == 1));
        steps[1].state = State::Succeeded;
        steps[2].state = State::Running;
        assert!(matches!(Planned::after("c", steps.clone()).unwrap().plan, Plan::Finish));
        steps[0].state = State::Failed;
        assert!(Planned::after("c", steps).is_none());
    }
}
