//! Which steps can run now. Pure.

use serde::Deserialize;

/// Steps in one answer: the state machine carries the answer, and its payload stays under 8 KiB.
const WIDEST: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pending,
    Scheduled,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Step {
    pub id: String,
    pub state: State,
    /// `agent` or `room`.
    pub kind: String,
    pub needs: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Wave<'a> {
    /// These can run now, in parallel. Steps that were begun and not ended are among them: whoever
    /// began them is gone, or the lease will say otherwise.
    Work(Vec<&'a Step>),
    Done,
    /// A step failed or was cancelled, or waits for something that can never come.
    Stuck(&'a str),
}

pub fn next(steps: &[Step]) -> Wave<'_> {
    if let Some(lost) = steps.iter().find(|s| matches!(s.state, State::Failed | State::Cancelled)) {
        return Wave::Stuck(&lost.id);
    }
    let done = |id: &String| steps.iter().any(|s| s.id == *id && s.state == State::Succeeded);
    let open = || steps.iter().filter(|s| s.state != State::Succeeded);
    let ready = open().filter(|s| s.needs.iter().all(done)).take(WIDEST);
    let ready: Vec<_> = ready.collect();
    match (ready.is_empty(), open().next()) {
        (false, _) => Wave::Work(ready),
        (true, None) => Wave::Done,
        (true, Some(waiting)) => Wave::Stuck(&waiting.id),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{State, Step, Wave, next};

    fn step(id: usize, needs: &[usize]) -> Step {
        let needs = needs.iter().map(usize::to_string).collect();
        Step { id: id.to_string(), state: State::Pending, kind: "agent".into(), needs }
    }

    /// The ids of a wave.
    fn work(steps: &[Step]) -> Option<Vec<&str>> {
        let Wave::Work(wave) = next(steps) else { return None };
        Some(wave.into_iter().map(|step| step.id.as_str()).collect())
    }

    #[test]
    fn a_diamond_runs_in_three_waves() {
        let mut steps = vec![step(0, &[]), step(1, &[0]), step(2, &[0]), step(3, &[1, 2])];
        assert_eq!(work(&steps), Some(vec!["0"]));
        steps[0].state = State::Succeeded;
        assert_eq!(work(&steps), Some(vec!["1", "2"]));
        steps[1].state = State::Succeeded;
        assert_eq!(work(&steps), Some(vec!["2"]));
        steps[2].state = State::Succeeded;
        steps[3].state = State::Running;
        assert_eq!(work(&steps), Some(vec!["3"]));
        steps[3].state = State::Succeeded;
        assert_eq!(next(&steps), Wave::Done);
        steps[3].state = State::Failed;
        assert_eq!(next(&steps), Wave::Stuck("3"));
    }

    proptest! {
        /// Whatever the graph without circles, working wave by wave ends, does each step once, and
        /// none before what it needs.
        #[test]
        fn every_step_runs_once_and_after_its_needs(edges in prop::collection::vec((0_usize..30, 0_usize..30), 0..120)) {
            let mut steps: Vec<Step> = (0..30).map(|n| step(n, &[])).collect();
            for (a, b) in edges {
                if a < b { steps[b].needs.push(a.to_string()); }
            }
            let mut order: Vec<String> = Vec::new();
            while let Some(wave) = work(&steps) {
                let wave: Vec<String> = wave.into_iter().map(str::to_owned).collect();
                for id in wave {
                    let step = steps.iter_mut().find(|s| s.id == id).unwrap();
                    prop_assert!(step.needs.iter().all(|n| order.contains(n)));
                    step.state = State::Succeeded;
                    order.push(id);
                }
            }
            prop_assert_eq!(order.len(), 30);
            prop_assert_eq!(next(&steps), Wave::Done);
        }
    }
}
