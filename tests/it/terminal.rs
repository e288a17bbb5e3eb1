//! The terminal client against the product: what people type, and what they get.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use runs::model::RunRef;
use serde_json::Value;
use tests::{House, drive};
use uuid::Uuid;

use crate::team;

/// The program, an address, a token, and a home of its own.
struct Terminal {
    program: PathBuf,
    url: String,
    token: String,
    home: PathBuf,
}

impl Terminal {
    async fn at(house: &House, token: String) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = house.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let program = local::build::beside("cadre")?;
        let home = std::env::temp_dir().join(format!("cadre-{}", Uuid::now_v7().simple()));
        fs::create_dir(&home)?;
        Ok(Self { program, url, token, home })
    }

    async fn run(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear().env("HOME", &self.home).current_dir(&self.home);
        command.env("CADRE_API", &self.url).env("CADRE_TOKEN", &self.token);
        Ok(tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// What it printed, if it ended well.
    async fn good(&self, args: &[&str]) -> Result<String> {
        let output = self.run(args).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cadre {}: {said}", args.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn json(&self, args: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.good(&[args, &["--json"]].concat()).await?)?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

#[tokio::test]
async fn a_person_at_a_terminal_imports_runs_follows_and_reads() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let terminal = Terminal::at(&house, org.admin_token()).await?;

    let who = terminal.json(&["whoami"]).await?;
    assert_eq!(who["organization_id"], org.org_id);
    let folder = terminal.home.join("team/m/one");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("SKILL.md"), "---\nname: one\ndescription: d\n---\nDo.")?;
    assert!(terminal.good(&["import", "team"]).await?.contains("import "));
    assert!(terminal.good(&["import", "team"]).await?.contains("was imported before"));
    assert!(terminal.good(&["workflows"]).await?.contains("five"));
    assert!(terminal.good(&["workflows", "show", "five"]).await?.contains("needs"));

    fs::write(terminal.home.join("brief.md"), "A shop that repairs bicycles.")?;
    let start = ["run", "five", "--brief", "brief.md", "--key", "once"];
    let run = terminal.json(&start).await?;
    assert_eq!(terminal.json(&start).await?["id"], run["id"], "the same key starts nothing twice");
    let id = run["id"].as_str().unwrap();
    let at = RunRef { tenant_id: org.tenant(), run_id: id.parse()? };
    let follow = ["follow", id];
    let (followed, ended) = tokio::join!(terminal.good(&follow), drive::to_the_end(house.app, at));
    assert_eq!(ended?, "succeeded");
    let followed = followed?;
    assert_eq!(followed.lines().filter(|line| line.contains(" → ")).count(), 8 + 1, "{followed}");
    assert!(followed.contains("run succeeded"), "{followed}");
    assert!(followed.contains(": let us "), "what was said is not there: {followed}");
    // Where nothing streams, it is asked for again and again: the same, without the texts.
    let polled = terminal.good(&["follow", id, "--stream", "http://127.0.0.1:1"]).await?;
    assert_eq!(polled.lines().filter(|line| line.contains(" → ")).count(), 8 + 1, "{polled}");
    assert!(polled.contains("run succeeded") && !polled.contains(": let us "), "{polled}");

    let saved = terminal.json(&["documents", id, "--save", "out"]).await?;
    assert_eq!(saved["items"].as_array().map(Vec::len), Some(5));
    assert_eq!(fs::read_dir(terminal.home.join("out"))?.count(), 5);
    let turns = terminal.json(&["explain", id]).await?;
    assert_eq!(turns["items"].as_array().map(Vec::len), Some(8));
    assert!(terminal.good(&["explain", id]).await?.contains("left out"));
    assert!(terminal.good(&["spend", id]).await?.contains("0 more reserved"));
    assert!(terminal.good(&["spend"]).await?.contains("in 1 runs"));
    Ok(())
}

#[tokio::test]
async fn a_person_at_a_terminal_forks_a_run_and_sees_where_the_two_part() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let terminal = Terminal::at(&house, org.admin_token()).await?;
    fs::write(terminal.home.join("brief.md"), "A shop that repairs bicycles.")?;
    let run = terminal.json(&["run", "five", "--brief", "brief.md"]).await?;
    let id = run["id"].as_str().unwrap();
    let at = RunRef { tenant_id: org.tenant(), run_id: id.parse()? };
    assert_eq!(drive::to_the_end(house.app, at).await?, "succeeded");

    let there = ["fork", id, "--step", "talk", "--turn", "2", "--token-cap", "90000"];
    let fork = terminal.json(&there).await?;
    assert_eq!(fork["spend"]["token_cap"], 90_000);
    let other = fork["id"].as_str().unwrap();
    assert_eq!(
        drive::to_the_end(house.app, RunRef { run_id: other.parse()?, ..at }).await?,
        "succeeded"
    );
    let said = terminal.good(&["diff", id, other]).await?;
    let line = |step: &str| said.lines().find(|line| line.starts_with(step)).unwrap_or_default();
    assert!(line("first").ends_with("all 1"), "{said}");
    assert!(line("talk ").ends_with("2, then turn 3 differs"), "{said}");
    assert!(said.contains("talk · turn 3") && said.contains("why: "), "{said}");

    let nowhere = terminal.run(&["fork", id, "--step", "tolk"]).await?;
    let why = String::from_utf8(nowhere.stderr)?;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(why.contains("its steps are first, left, right, talk, last"), "{why}");
    assert_eq!(
        terminal.run(&["fork", id, "--step", "talk", "--turn", "-1"]).await?.status.code(),
        Some(2)
    );
    Ok(())
}

#[tokio::test]
async fn a_person_at_a_terminal_is_told_what_they_may_not_and_what_to_do() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let mut terminal = Terminal::at(&house, org.admin_token()).await?;
    let run = Uuid::now_v7().to_string();
    let unknown = terminal.run(&["cancel", &run]).await?;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("urn:cadre:problem:not-found"));

    terminal.token = house.signer.token(&org.claims("eve", &["agents:read"]));
    assert!(terminal.good(&["agents"]).await?.contains("agent"));
    let refused = terminal.run(&["cancel", &run]).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cadre whoami"));
    Ok(())
}
