//! `cadre fork`: `POST /v1/runs/{id}/fork`, with a key of its own, so that trying again forks once.

use uuid::Uuid;

use crate::api::FORK;
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::ForkRequest;
use crate::show;

pub(crate) fn run(client: &Client, run: Uuid, at: &ForkRequest<'_>, json: bool) -> Result<()> {
    let body = serde_json::to_vec(at).map_err(Failure::new)?;
    let key = Uuid::new_v4().to_string();
    let answer = client.post(&FORK, Some(run), Some(("application/json", &body)), Some(&key))?;
    if json {
        return show::json(&answer.raw);
    }
    let id = answer.value.id;
    let ForkRequest { step, turn, .. } = at;
    show::line(&format!(
        "run {id} goes on after turn {turn} of {step}; watch it: cadre follow {id}"
    ))
}
