//! The Lambda that the emulator runs for every function: hands each event to the host, and back.
//!
//! It speaks the Lambda Runtime API, as any custom runtime; only the function's code is elsewhere.

use std::{
    io::{Write, stdout},
    time::Duration,
};

use anyhow::{Result, ensure};
use local::{
    http::{self, Reply},
    invoke::succeeded,
    settings::required,
};
use serde_json::{Value, json};
use ureq::Agent;

fn main() -> Result<()> {
    let runtime =
        format!("http://{}/2018-06-01/runtime/invocation", required("AWS_LAMBDA_RUNTIME_API")?);
    let target = format!(
        "{}/2015-03-31/functions/{}/invocations",
        required("CADRE_HOST_URL")?.trim_end_matches('/'),
        required("AWS_LAMBDA_FUNCTION_NAME")?
    );
    // The emulator enforces the function's own timeout, and waits with `next` as long as it likes.
    let agent = http::agent(Duration::from_hours(24));
    loop {
        let event = http::get(&agent, &format!("{runtime}/next"), &[])?;
        forward(&agent, &runtime, &target, &event)?;
    }
}

fn forward(agent: &Agent, runtime: &str, target: &str, event: &Reply) -> Result<()> {
    let header = |name: &'static str| event.headers(name).next().unwrap_or_default();
    let id = header("lambda-runtime-aws-request-id");
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-requestid", id),
        ("lambda-runtime-deadline-ms", header("lambda-runtime-deadline-ms")),
    ];
    let json = [("content-type", "application/json")];
    let (path, kind, body) = match http::post(agent, target, &headers, event.body.as_bytes()) {
        Ok(reply) if succeeded(&reply) => ("response", String::new(), reply.body),
        Ok(reply) => ("error", error_type(&reply.body), reply.body),
        Err(error) => {
            let message = format!("the host does not answer: {error:#}");
            let body = json!({ "errorType": "Unavailable", "errorMessage": message });
            ("error", "Unavailable".to_owned(), body.to_string())
        }
    };
    // The emulator waits up to 50 ms for a line of log; with one it goes on at once.
    writeln!(stdout(), "{path} {id} {kind}")?;
    let named = [json[0], ("lambda-runtime-function-error-type", kind.as_str())];
    let headers = if path == "error" { &named[..] } else { &json[..] };
    let answer = http::post(agent, &format!("{runtime}/{id}/{path}"), headers, body.as_bytes())?;
    ensure!(answer.status < 500, "the runtime interface answers {}", answer.status);
    Ok(())
}

/// The name that `Retry` and `Catch` look for.
fn error_type(body: &str) -> String {
    let named = serde_json::from_str::<Value>(body).ok();
    let name = named.as_ref().and_then(|body| body["errorType"].as_str());
    name.unwrap_or("Unhandled").to_owned()
}
