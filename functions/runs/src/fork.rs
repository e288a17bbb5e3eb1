//! `POST /v1/runs/{id}/fork`: a run that goes on from where another stood after one of its turns.
//!
//! What did not hang on that turn is kept as it is on record, and no model is asked for it again;
//! what follows it is done anew, with the versions that the other run was pinned to.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::http::{Accepted, IdempotencyKey, Json, Path};
use shared::{App, Caller, Error, Result, digest};
use uuid::Uuid;

use crate::model::RunDetail;
use crate::queries::fork::{self as query, Forked, Stood};
use crate::start;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkRequest {
    /// The step to go on from.
    step: String,
    /// Its last turn to keep, from 1; 0 to do the step anew.
    turn: i32,
    /// Most tokens the new run may use; as many as the other one when absent. What is kept costs
    /// nothing.
    token_cap: Option<i64>,
    /// Most money the new run may spend, in millionths of a US dollar; as the other one when absent.
    micros_cap: Option<i64>,
}

/// What the new run keeps of a step.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    pub id: String,
    /// Its turns up to this one.
    pub turns: i32,
    /// The whole of it, with its document.
    pub done: bool,
    pub conversation_id: Uuid,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(from): Path<Uuid>,
    IdempotencyKey(key): IdempotencyKey,
    Json(request): Json<ForkRequest>,
) -> Result<Accepted<RunDetail>> {
    start::check_caps(request.token_cap, request.micros_cap)?;
    let id = Uuid::now_v7();
    // The same words about another run are another request.
    let request_digest = digest::of(&(from, &request))?;
    let asked = (key.as_deref(), request_digest.as_str());
    start::once(app, &caller, asked, id, async |tx| {
        let stood = query::stood(tx, from).await?;
        let kept = kept(&stood, &request.step, request.turn)?;
        shared::audit::record(tx, &caller, "run.forked", id).await?;
        let forked = Forked {
            id,
            from,
            at: (&request.step, request.turn),
            caps: (request.token_cap, request.micros_cap),
            asked,
        };
        query::insert(tx, &caller, &forked, &kept).await
    })
    .await
}

/// Of `at` the turns up to `turn`, nothing of what hangs on it, and of the rest what is done.
fn kept(steps: &[Stood], at: &str, turn: i32) -> Result<Vec<Kept>> {
    let Some(step) = steps.iter().find(|step| step.id == at) else {
        let names: Vec<_> = steps.iter().map(|step| step.id.as_str()).collect();
        let names = names.join(", ");
        return Err(Error::Invalid(format!("the run has no step `{at}`: its steps are {names}")));
    };
    if !(0..=step.turns).contains(&turn) {
        return Err(Error::Invalid(format!(
            "turn {turn} of step `{at}` is not on record: it has {} turns, and 0 begins it anew",
            step.turns
        )));
    }
    let mut later = vec![at];
    // Steps come in no order of their needs: until nothing is added.
    loop {
        let known = later.len();
        for step in steps {
            let hangs = step.needs.iter().any(|need| later.contains(&need.as_str()));
            if hangs && !later.contains(&step.id.as_str()) {
                later.push(&step.id);
            }
        }
        if later.len() == known {
            break;
        }
    }
    let kept: Vec<_> = steps
        .iter()
        .map(|step| {
            let (turns, done) = match later.contains(&step.id.as_str()) {
                _ if step.id == at => (turn, step.done && turn == step.turns),
                false if step.done => (step.turns, true),
                _ => (0, false),
            };
            Kept { id: step.id.clone(), turns, done, conversation_id: Uuid::now_v7() }
        })
        .collect();
    if kept.iter().all(|step| step.done) {
        return Err(Error::Invalid(format!(
            "nothing is left to do after turn {turn} of step `{at}`: keep fewer turns"
        )));
    }
    Ok(kept)
}

#[cfg(test)]
#[path = "fork_tests.rs"]
mod tests;
