//! What no log may hold: tokens, keys, cookies, headers, what people write and what models answer.
//! Each is planted in every route and in a run, on a host that logs everything it can, and looked
//! for in what that host and the stack's services wrote. After the whole suite `make test` looks
//! again, in all logs of all of it.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use tests::crash::HostProcess;
use tests::scripted::{Reply, Script};
use tests::{House, Organization};
use uuid::Uuid;

use crate::world::{World, root, routes, text};

/// A text that is nowhere else.
fn canary(what: &str) -> String {
    format!("canary-{what}-{}", Uuid::now_v7().simple())
}

/// All logs below the test stack, and this host's own.
fn logs() -> Vec<(String, String)> {
    let folder = root().join(".local/test/logs");
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let read = |path: std::path::PathBuf| {
        let bytes = fs::read(&path).unwrap_or_default();
        (path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
    };
    files.map(read).collect()
}

async fn host(house: &House) -> Result<HostProcess> {
    let issuer = house.signer.settings();
    // All of it comes from one address, and every call is to be answered.
    let limits = tests::wide();
    let host = HostProcess::start(&[
        ("LOG_LEVEL", "trace"),
        ("MODEL_PROVIDER", "openai"),
        ("MODEL_BASE_URL", &house.model.base_url),
        ("MODEL_API_KEY", "canary-model-key"),
        ("MODEL_NAME", "scripted-1"),
        ("AUTH_ISSUER", &issuer.issuer),
        ("AUTH_AUDIENCE", &issuer.audience),
        ("AUTH_JWKS_URL", &issuer.jwks_url),
        ("AUTH_CLIENTS", tests::ANY_CLIENT),
        ("DATABASE_POOL", "2"),
        ("RATE_LIMITS", &limits),
    ])?;
    let health = host.request(Method::GET, "/v1/health").await.send().await?;
    assert_eq!(health.status(), 200);
    Ok(host)
}

/// A run whose brief, agent and answers are canaries, turn by turn through the Invoke API.
async fn a_run(host: &HostProcess, org: &Organization<'_>, brief: &str) -> Result<()> {
    let body = json!({ "workflow": "sample-flow", "brief": brief });
    // Not the administrator: one of the calls has just signed them out everywhere, with every token
    // of that second.
    let run = org.member("runner", tests::EVERYTHING).post("/v1/runs", body).await?.expect(202);
    let work = json!({ "tenant_id": org.tenant(), "run_id": run["id"] });
    let invoke = async |function: &str, event: &Value| -> Result<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let sent = host.request(Method::POST, &path).await.body(event.to_string()).send().await?;
        Ok(serde_json::from_slice(&sent.bytes().await?)?)
    };
    let plan = invoke("runs-plan", &work).await?;
    let mut steps = 0;
    for step in plan["steps"].as_array().into_iter().flatten() {
        let mut event = work.clone();
        event["step_id"] = step["id"].clone();
        event["attempt"] = 0.into();
        let function = if step["kind"] == "room" { "runs-room" } else { "runs-step" };
        let report = invoke(function, &event).await?;
        assert!(report["errorType"].is_null(), "{report}");
        steps += 1;
    }
    assert!(steps > 0, "nothing to do: {plan}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a17_nothing_that_is_secret_is_in_any_log_however_much_is_logged() -> Result<()> {
    let (brief, answer) = (canary("brief"), canary("answer"));
    let answers = (0..40).map(|_| Reply::text(&answer));
    let house = House::with_model(Script::echo().when(&brief, answers))?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let host = host(&house).await?;
    let token = org.admin_token();
    let (header, cookie, query) = (canary("header"), canary("cookie"), canary("query"));
    let body = canary("body");

    let mut calls = 0;
    for (name, _) in routes() {
        let call = world.call(&name);
        let method: Method = call.method.parse()?;
        let joint = if call.path.contains('?') { '&' } else { '?' };
        let with_query = format!("{}{joint}x={query}", call.path);
        let poisoned = call.body.replacen('{', &format!("{{\"{body}\":\"{body}\","), 1);
        for (path, sent, authorization) in [
            (&call.path, &call.body, format!("Bearer {token}")),
            (&call.path, &poisoned, format!("Bearer {token}")),
            (&with_query, &call.body, format!("Bearer {token}")),
            (&call.path, &call.body, format!("Bearer {token}x")),
            (&call.path, &call.body, format!("Basic {header}")),
            (&call.path, &call.body, format!("Bearer cdr_{header}")),
        ] {
            let mut request = host.request(method.clone(), path).await;
            for (name, value) in call.headers.iter().filter(|(name, _)| name != "host") {
                request = request.header(name, value);
            }
            let request = request
                .header("authorization", authorization)
                .header("x-secret", &header)
                .header("cookie", format!("theme={cookie}"));
            request.body(sent.clone()).send().await?;
            calls += 1;
        }
        let session = host.request(method, &call.path).await;
        session.header("cookie", format!("__Host-session={cookie}")).send().await?;
    }
    a_run(&host, &org, &brief).await?;
    // The log is read by a thread of its own: the last line is the last to arrive.
    let last = host.request(Method::GET, "/v1/nothing-after-this").await;
    last.send().await?;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let said = fs::read_to_string(host.log()?)?;
    assert!(said.lines().count() > calls, "the host logged {} lines", said.lines().count());
    assert!(said.contains("\"level\":\"DEBUG\"") || said.contains("\"level\":\"TRACE\""), "{said}");
    let signature = text(&json!(token.rsplit('.').next().unwrap_or_default()));
    let secrets = [
        ("the token", signature),
        ("any token", "eyJ".into()),
        ("a header", header),
        ("a cookie", cookie),
        ("a query", query),
        ("a body", body),
        ("a brief", brief),
        ("an answer", answer),
        ("the model's key", "canary-model-key".into()),
    ];
    let logs = logs();
    for (what, secret) in &secrets {
        for (file, log) in &logs {
            let line = log.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{what} is in {file}: {}", line.unwrap_or_default());
        }
    }
    let lines: usize = logs.iter().map(|(_, log)| log.lines().count()).sum();
    tests::tell(&format!(
        "Canaries: {calls} calls and a run, {lines} lines of {} logs, 0 found",
        logs.len()
    ));
    Ok(())
}
