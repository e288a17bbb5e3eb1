//! SCIM, judged by somebody else's client: `scim2-tester` against the host on loopback.

use std::process::Command;

use anyhow::{Context, Result};
use local::paths::Paths;
use serde_json::json;
use tests::House;
use tokio::net::TcpListener;

use crate::world::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a47_scim2_tester_finds_nothing_wrong() -> Result<()> {
    let program = tokio::task::spawn_blocking(|| {
        Paths::find(None).and_then(|paths| local::install::scim_judge(&paths))
    });
    let program = match program.await? {
        Ok(program) => program,
        Err(why) => {
            tests::tell(&format!("A47: SKIPPED, scim2-tester cannot be had: {why:#}"));
            return Ok(());
        }
    };
    let house = House::open()?;
    let org = house.organization();
    let body =
        json!({ "name": "scim", "permissions": ["provisioning:read", "provisioning:write"] });
    let key = text(&org.admin().post("/v1/keys", body).await?.expect(201)["secret"]);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/scim/v2", listener.local_addr()?);
    let router = house.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut judge = Command::new(&program);
    judge.args(["--url", &url, "--header", &format!("Authorization: Bearer {key}"), "test"]);
    judge.env("NO_COLOR", "1").env("COLUMNS", "200");
    let said = tokio::task::spawn_blocking(move || judge.output()).await?.context("scim2")?;
    server.abort();
    let text = String::from_utf8_lossy(&said.stdout);
    let count =
        |word: &str| text.lines().filter(|line| line.trim_start().starts_with(word)).count();
    let (good, bad) = (count("SUCCESS"), count("ERROR") + count("CRITICAL"));
    let errors = String::from_utf8_lossy(&said.stderr);
    tests::tell(&format!(
        "A47: scim2-tester: {good} checks passed, {bad} failed, {} skipped",
        count("SKIPPED")
    ));
    assert!(said.status.success() && bad == 0, "{text}\n{errors}");
    assert!(good > 80, "only {good} checks were made:\n{text}\n{errors}");
    Ok(())
}
