//! One function of the running stack, by Lambda's Invoke API.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    http::{self, Reply},
    openid,
    paths::Paths,
    stack::State,
};

/// Longer than any function may take; under `cargo lambda watch` it compiles first.
const PATIENCE: Duration = Duration::from_mins(10);

/// Invokes a function with an event from a file; without one, with the sample in `events/`.
pub fn run(paths: &Paths, state: &State, function: &str, file: Option<&Path>) -> Result<Value> {
    let served = state.services.iter().any(|one| one.name == "host" || one.name == "watch");
    ensure!(served, "nothing serves functions here: start `make dev`");
    let address = state.environment.get("HOST_ADDRESS").context("the stack has no host")?;
    let sample = paths.root.join("events").join(format!("{function}.json"));
    let event = match file {
        Some(file) => read(file)?,
        None if sample.is_file() => read(&sample)?,
        None => "{}".to_owned(),
    };
    call(&format!("http://{address}"), function, &signed(event, state)?)
}

/// A function's answer; its failure is an error.
pub fn call(host: &str, function: &str, event: &str) -> Result<Value> {
    let url = format!("{host}/2015-03-31/functions/{function}/invocations");
    let headers = [("content-type", "application/json")];
    let reply = http::post(&http::agent(PATIENCE), &url, &headers, event.as_bytes())?;
    ensure!(reply.status != 404, "no function is called {function}: `make functions` lists them");
    ensure!(succeeded(&reply), "{function} failed: {}", reply.body);
    reply.json().context("the function's answer")
}

/// A failed function is a 200 with a header on AWS and from the host, and a 500 without one from
/// `cargo lambda watch`.
pub fn succeeded(reply: &Reply) -> bool {
    (200..300).contains(&reply.status) && reply.headers("x-amz-function-error").next().is_none()
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Samples leave a hole for a token, which would not be true for long.
fn signed(event: String, state: &State) -> Result<String> {
    let issuer = state.environment.get("AUTH_ISSUER").filter(|_| event.contains("{token}"));
    let Some(issuer) = issuer else { return Ok(event) };
    Ok(event.replace("{token}", &openid::sign_in(issuer, "ada")?))
}
