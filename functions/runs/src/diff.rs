//! `GET /v1/runs/{id}/diff`: where two runs say the same, and where they part.
//!
//! Each turn of a conversation has a digest of what it is and of all turns before it: a hash chain.
//! So two conversations are the same up to the last turn at which their chains are.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::http::{Json, Path, Query};
use shared::{App, Caller, Result, digest};
use uuid::Uuid;

use crate::model::{Run, RunDetail};
use crate::queries;
use crate::queries::diff::{self as query, Turns};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct With {
    /// The other run.
    with: Uuid,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct RunDifference {
    /// The run of the path.
    pub left: Run,
    /// The run of `with`.
    pub right: Run,
    /// They are of one workflow, at one version.
    pub same_workflow: bool,
    pub same_brief: bool,
    /// In the order of the left run's workflow; then those of the right one alone.
    pub steps: Vec<StepDifference>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StepDifference {
    pub id: String,
    /// Absent when the run has no such step.
    pub left: Option<StepSide>,
    pub right: Option<StepSide>,
    /// So many of their first turns are the same.
    pub same_turns: i32,
    /// The next turn, if either has one.
    pub first_difference: Option<TurnDifference>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StepSide {
    pub state: String,
    pub turns: i32,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_micros: i64,
    /// SHA-256 in hex over all turns in their order, each with the agent, its version, the reason why
    /// it spoke and its text; empty without turns.
    pub chain: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TurnDifference {
    pub turn: i32,
    /// Absent where the run has no such turn.
    pub left: Option<Said>,
    pub right: Option<Said>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Said {
    pub speaker: String,
    pub agent_version: String,
    pub reason: String,
    pub content: String,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(With { with }): Query<With>,
) -> Result<Json<RunDifference>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        let (left, right) = (queries::by_id(tx, id).await?, queries::by_id(tx, with).await?);
        let (before, after) = (query::turns(tx, id).await?, query::turns(tx, with).await?);
        let mut steps = compared(&left, &right, (&before, &after));
        for step in &mut steps {
            if let Some(first) = &mut step.first_difference {
                first.left = query::said(tx, id, &step.id, first.turn).await?;
                first.right = query::said(tx, with, &step.id, first.turn).await?;
            }
        }
        let workflow = |run: &RunDetail| (run.run.workflow_id, run.run.workflow_version.clone());
        Ok(RunDifference {
            same_workflow: workflow(&left) == workflow(&right),
            same_brief: left.brief == right.brief,
            steps,
            left: left.run,
            right: right.run,
        })
    });
    Ok(Json(found.await?))
}

/// Each turn's place in the chain: over the one before, and what the turn is.
pub(crate) fn chain(turns: Option<&Vec<String>>) -> Vec<String> {
    let mut last = String::new();
    let next = |turn: &String| {
        last = digest::sha256(format!("{last}\n{turn}").as_bytes());
        last.clone()
    };
    turns.into_iter().flatten().map(next).collect()
}

fn compared(
    left: &RunDetail,
    right: &RunDetail,
    (before, after): (&Turns, &Turns),
) -> Vec<StepDifference> {
    let chains = |run: &RunDetail, turns: &Turns| -> BTreeMap<String, (StepSide, Vec<String>)> {
        let side = |step: &crate::model::StepView| {
            let chain = chain(turns.get(&step.id));
            let side = StepSide {
                state: step.state.clone(),
                turns: step.turns,
                input_tokens: step.input_tokens,
                output_tokens: step.output_tokens,
                cost_micros: step.cost_micros,
                chain: chain.last().cloned().unwrap_or_default(),
            };
            (step.id.clone(), (side, chain))
        };
        run.steps.iter().map(side).collect()
    };
    let (mut own, mut other) = (chains(left, before), chains(right, after));
    let ids = left.steps.iter().chain(&right.steps).map(|step| &step.id);
    let mut seen = BTreeSet::new();
    let steps = ids.filter(|id| seen.insert(*id)).map(|id| {
        let (left, a) = own.remove(id).unzip();
        let (right, b) = other.remove(id).unzip();
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let turn = i32::try_from(same + 1).unwrap_or(i32::MAX);
        let more = a.len().max(b.len()) > same;
        let first = TurnDifference { turn, left: None, right: None };
        StepDifference {
            id: id.clone(),
            left,
            right,
            same_turns: turn - 1,
            first_difference: more.then_some(first),
        }
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[test]
    fn a_chain_tells_the_order_and_every_turn_before() {
        let turns = |all: &[&str]| chain(Some(&all.iter().map(|t| (*t).to_owned()).collect()));
        let (ab, ba, ac) = (turns(&["a", "b"]), turns(&["b", "a"]), turns(&["a", "c"]));
        assert_eq!(ab[0], ac[0]);
        assert!(ab[1] != ac[1] && ab[1] != ba[1] && ab[0] != ba[0]);
        assert_eq!(turns(&["a", "b", "c"])[..2], ab);
        assert!(chain(None).is_empty());
    }
}
