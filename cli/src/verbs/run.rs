//! `cadre run`: `POST /v1/runs`, with a key of its own, so that trying again starts nothing twice.

use std::fs;
use std::io::{Read, stdin};
use std::path::Path;

use uuid::Uuid;

use crate::api::START;
use crate::args::Run;
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::RunRequest;
use crate::show;

pub(crate) fn run(client: Client, asked: &Run, json: bool) -> Result<()> {
    let brief = brief(&asked.brief)?;
    let key = asked.key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let request = RunRequest {
        workflow: &asked.workflow,
        brief: &brief,
        language: asked.language.as_deref(),
        token_cap: asked.token_cap,
        micros_cap: asked.micros_cap,
    };
    let body = serde_json::to_vec(&request).map_err(Failure::new)?;
    let answer = client.post(&START, None, Some(("application/json", &body)), Some(&key)).map_err(
        |failure| failure.also(&format!("with `--key {key}` it is started once at most")),
    )?;
    let id = answer.value.id;
    match (json, asked.follow) {
        (true, false) => return show::json(&answer.raw),
        (true, true) => show::json_line(&answer.raw)?,
        (false, true) => show::line(&format!("run {id} of {}", asked.workflow))?,
        (false, false) => {
            return show::line(&format!("run {id} is started; watch it: cadre follow {id}"));
        }
    }
    super::follow::run(client, id, json)
}

fn brief(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = read.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("the brief {} is empty", path.display())));
    }
    Ok(text)
}
