//! Spectral over the API document, with OWASP's rules; schemathesis over the running product, with
//! every check it has. `SCHEMATHESIS_EXAMPLES` and `SCHEMATHESIS_SEED` ask for more, or the same
//! again.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::install::Judges;
use shared::app::Parts;
use tests::dynamo::Emulator;
use tests::scripted::Script;
use tests::world::{World, root};
use tests::{House, tell};

pub(crate) fn spectral(judges: &Judges) -> Result<()> {
    let rules = root().join("tests/outside/spectral.yaml");
    // A ruleset names others by their packages, which are found from where the ruleset is.
    let home = judges.spectral.parent().and_then(Path::parent).and_then(Path::parent);
    let home = home.context("no folder of packages")?;
    let copy = home.join("spectral.yaml");
    std::fs::copy(rules, &copy)?;
    let out = Command::new(&judges.spectral)
        .args(["lint", "--fail-severity", "error", "--ruleset"])
        .arg(&copy)
        .arg(root().join("openapi.json"))
        .current_dir(home)
        .output()?;
    let said = String::from_utf8_lossy(&out.stdout);
    let errors: Vec<_> = said.lines().filter(|line| line.contains(" error ")).take(40).collect();
    ensure!(
        out.status.success(),
        "{}\n{}",
        errors.join("\n"),
        String::from_utf8_lossy(&out.stderr)
    );
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    tell(&format!(
        "P13: Spectral with OWASP's rules: 0 errors; {}",
        last.unwrap_or_default().trim()
    ));
    Ok(())
}

pub(crate) fn administrator(judges: &Judges) -> Result<()> {
    schemathesis(judges, true)
}

pub(crate) fn nobody(judges: &Judges) -> Result<()> {
    schemathesis(judges, false)
}

fn schemathesis(judges: &Judges, signed_in: bool) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (address, token, emulator) = runtime.block_on(async {
        let emulator = Emulator::start().await?;
        let dynamo = emulator.client().await.into();
        let house = House::of(Script::echo(), Parts { dynamo, ..Parts::default() })?;
        let org = house.organization();
        World::build(&house, &org).await?;
        let token = org.admin_token();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, house.router).await });
        anyhow::Ok((address, token, emulator))
    })?;
    let given = |name: &str| std::env::var(name).ok();
    let seed = given("SCHEMATHESIS_SEED").unwrap_or_else(|| "20261123".into());
    let examples = given("SCHEMATHESIS_EXAMPLES").unwrap_or_else(|| "15".into());
    let mut command = Command::new(&judges.schemathesis);
    command.arg("--config-file").arg(root().join("tests/outside/schemathesis.toml"));
    command.args(["--no-color", "run"]).arg(root().join("openapi.json"));
    command.args(["--url", &format!("http://{address}"), "--seed", &seed]);
    command.args(["--max-examples", &examples, "--checks", "all"]);
    // How well its own generators do is not a finding.
    command.args(["--suppress-health-check", "filter_too_much,too_slow,data_too_large"]);
    command.args(["--request-timeout", "20", "--output-sanitize", "true", "--continue-on-failure"]);
    if signed_in {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
        // It takes back the token that all the other requests are sent with.
        command.args(["--exclude-operation-id", "identity-revoke-all"]);
    }
    let home = judges.schemathesis.parent().context("no folder")?;
    let out = command.current_dir(home).output()?;
    drop(emulator);
    let said = String::from_utf8_lossy(&out.stdout);
    ensure!(out.status.success(), "seed {seed}\n{said}\n{}", String::from_utf8_lossy(&out.stderr));
    if signed_in {
        // Or it has judged the door only; this one is opened by a session's cookie alone.
        let refused: Vec<_> = said
            .lines()
            .skip_while(|line| !line.contains("returned only 401/403"))
            .take_while(|line| !line.contains("Ensure valid"))
            .filter(|line| line.contains("- ") && !line.contains("POST /auth/refresh"))
            .collect();
        ensure!(refused.is_empty(), "never let in:\n{}", refused.join("\n"));
    }
    let who = if signed_in { "an administrator" } else { "nobody" };
    let summary: Vec<_> = said
        .lines()
        .map(str::trim)
        .filter(|l| l.contains("generated") || l.contains("Seed"))
        .collect();
    tell(&format!("P11: schemathesis as {who}, seed {seed}: 0 failures; {}", summary.join(" ")));
    Ok(())
}
