//! `cadre cancel`: `POST /v1/runs/{id}/cancel`.

use uuid::Uuid;

use crate::api::CANCEL;
use crate::client::Client;
use crate::failure::Result;
use crate::show;

pub(crate) fn run(client: &Client, run: Uuid, json: bool) -> Result<()> {
    let answer = client.post(&CANCEL, Some(run), None, None)?;
    if json {
        return show::json(&answer.raw);
    }
    let run = answer.value.run;
    show::line(&format!("run {} of {} is {}", run.id, run.workflow, run.state))
}
