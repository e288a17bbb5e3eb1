//! `GET /v1/runs/{id}/replay`: every decision of a run's rooms, made again from the record.
//!
//! Nobody is asked: what models and people answered is on record, and so is the time at which each
//! decision was made. The function may use the database and nothing else.

use axum::extract::State;
use rooms::Action;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::diff::chain;
use crate::queries::{diff, replay as query};
use crate::talk;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Replayed {
    pub run_id: Uuid,
    /// Every decision is as it was.
    pub same: bool,
    /// In the order of the workflow.
    pub steps: Vec<StepReplayed>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StepReplayed {
    pub id: String,
    /// `agent` or `room`. An agent's step decides nothing: its one member speaks.
    pub kind: String,
    /// On record.
    pub turns: i32,
    /// Of these, taken over from the run it was forked from: they are replayed there.
    pub kept: i32,
    /// Decisions that were made again.
    pub decisions: i32,
    /// Those that came out another way.
    pub differing: Vec<Differing>,
    /// As in `GET /v1/runs/{id}/diff`: a hash chain over its turns.
    pub chain: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Differing {
    pub turn: i32,
    /// Who spoke and why, as it is on record.
    pub recorded: Value,
    /// As it would be decided.
    pub again: Value,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Replayed>> {
    let (steps, turns) = app
        .db()?
        .tenant(caller.tenant, async |tx| {
            Ok((query::on_record(tx, id).await?, diff::turns(tx, id).await?))
        })
        .await?;
    let steps: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let (decisions, differing) = again(&step);
            let chain = chain(turns.get(&step.id)).pop().unwrap_or_default();
            let query::Recorded { id, kind, turns, kept, .. } = step;
            StepReplayed { id, kind, turns, kept, decisions, differing, chain }
        })
        .collect();
    let same = steps.iter().all(|step| step.differing.is_empty());
    Ok(Json(Replayed { run_id: id, same, steps }))
}

/// How many decisions were made again, and which came out another way. Turns from before choices were
/// kept have none.
fn again(step: &query::Recorded) -> (i32, Vec<Differing>) {
    let (Some(room), Some(history)) = (&step.pinned.step.room, &step.history) else {
        return (0, Vec::new());
    };
    let state = talk::state(room, step.conversation_id, &step.cast, &step.transcript, history);
    let (mut decisions, mut differing) = (0, Vec::new());
    for (turn, (action, recorded)) in (1..).zip(rooms::replay(&state).iter().zip(&step.choices)) {
        if turn <= step.kept || recorded.is_null() {
            continue;
        }
        let again = decided(action);
        decisions += 1;
        if again != *recorded {
            differing.push(Differing { turn, recorded: recorded.clone(), again });
        }
    }
    (decisions, differing)
}

fn decided(action: &Action) -> Value {
    match action {
        Action::Speak(choice) => serde_json::to_value(choice).unwrap_or_default(),
        Action::Ask(_) => json!("somebody is to be asked, whose answer is not on record"),
        Action::Wait(_) => json!("a person is waited for, whose answer is not on record"),
        Action::Done => json!("the room is over"),
    }
}
