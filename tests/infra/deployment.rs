//! The whole of `infra/` on the AWS emulator: real zips, real databases, real tokens.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use local::{
    archives::{ARCHITECTURE, Archives},
    emulator, http,
    paths::Paths,
    progress::{say, seconds},
    stack::{self, Options, Part, Stack},
};
use serde_json::{Value, json};

use crate::{
    api::{Api, text},
    terraform::{Folder, Terraform},
    wire,
};

pub(crate) fn works(terraform: &Terraform) -> Result<()> {
    let paths = Paths::find(None)?;
    let archives = Archives::build(&paths)?;
    let own = Own::new();
    let stack = Stack::up(&own.options(&paths)?)?;
    let folder = terraform.copy("deployment")?;
    let deployed = Deployed::apply(&folder, &stack, &archives.pattern())?;

    deployed.migrate()?;
    let nobody = deployed.api(None);
    let ada = deployed.api(Some(stack.sign_in("ada")?));
    let eve = deployed.api(Some(stack.sign_in("eve")?));
    doors_are_kept(&deployed, &nobody, &ada, &eve)?;
    a_run_completes(&deployed, &ada)
}

/// Open to all, to people with a token, to people with the permission.
fn doors_are_kept(deployed: &Deployed, nobody: &Api, ada: &Api, eve: &Api) -> Result<()> {
    ensure!(nobody.read("/v1/health")?["status"] == "ok");
    ensure!(nobody.read("/openapi.json")?.is_object());

    let agent = ada.agent("infra-writer", "Wren")?;
    let same = ada.read(&format!("/v1/agents/{}", text(&agent["id"])?))?;
    ensure!(same["slug"] == "infra-writer" && same["latest"] == "1.0.0", "{same}");

    let refused = nobody.get("/v1/agents")?;
    ensure!(refused.status == 401, "{} {}", refused.status, refused.body);
    let forged =
        Api { token: ada.token.as_ref().map(|token| format!("{token}x")), ..nobody.clone() };
    ensure!(forged.get("/v1/agents")?.status == 401);
    ensure!(eve.get("/v1/agents")?.status == 200);
    let forbidden =
        eve.post("/v1/agents", &json!({ "slug": "x", "definition": { "name": "X" } }))?;
    ensure!(forbidden.status == 403, "{} {}", forbidden.status, forbidden.body);

    // Past the gateway: the function trusts nobody.
    let context = json!({ "http": { "method": "GET", "path": "/v1/agents" } });
    let event = json!({
        "version": "2.0", "routeKey": "GET /v1/agents", "rawPath": "/v1/agents",
        "rawQueryString": "", "headers": {}, "isBase64Encoded": false, "requestContext": context,
    });
    let answer = deployed.invoke("agents-list", &event)?;
    ensure!(answer["statusCode"] == 401, "{answer}");
    Ok(())
}

/// Two agents, one after the other, by Step Functions, until the document is there.
fn a_run_completes(deployed: &Deployed, ada: &Api) -> Result<()> {
    let since = Instant::now();
    ada.agent("infra-reader", "Robin")?;
    let step = |id: &str, agent: &str, needs: &[&str], document: &str| json!({ "id": id, "agent": agent, "instruction": "Sum it up.", "needs": needs, "document": document });
    let steps = [
        step("note", "infra-writer", &[], "note.md"),
        step("reply", "infra-reader", &["note"], "reply.md"),
    ];
    let definition = json!({ "name": "Note and reply", "steps": steps });
    let made = ada.make(
        "/v1/workflows",
        &json!({ "slug": "infra-notes", "definition": definition }),
        201,
    )?;
    ada.make(&format!("/v1/workflows/{}/versions", text(&made["id"])?), &json!({}), 201)?;

    let brief =
        "A shelter wants to know which of its cats slept well. It has six cats and one notebook.";
    let run = ada.make("/v1/runs", &json!({ "workflow": "infra-notes", "brief": brief }), 202)?;
    let run = ada.ended(text(&run["id"])?, Duration::from_mins(3))?;
    ensure!(run["state"] == "succeeded", "{run}");

    let id = text(&run["id"])?;
    let documents = ada.read(&format!("/v1/runs/{id}/documents"))?;
    let documents = documents["items"].as_array().context("a list of documents")?.clone();
    ensure!(documents.len() == 2, "{documents:?}");
    for document in &documents {
        let document = ada.read(&format!("/v1/documents/{}", text(&document["id"])?))?;
        ensure!(text(&document["content"])?.len() > 20, "{document}");
    }
    let execution = deployed.execution("run", id)?;
    ensure!(execution["status"] == "SUCCEEDED", "{execution}");
    say(&format!("  a run of two steps in {}", seconds(since.elapsed())));
    Ok(())
}

/// What was applied, and where.
struct Deployed {
    endpoint: String,
    outputs: Value,
}

impl Deployed {
    fn apply(folder: &Folder, stack: &Stack, archives: &str) -> Result<Self> {
        let since = Instant::now();
        let endpoint = stack.var("AWS_ENDPOINT_URL")?;
        let variables = json!({
            "stage": "test",
            "region": emulator::REGION,
            "archives": archives,
            "architecture": ARCHITECTURE,
            "environment": { "AWS_ENDPOINT_URL": endpoint },
            "auth_issuer": stack.var("AUTH_ISSUER")?,
            "sign_in": {
                "client_id": stack.var("AUTH_CLIENT_ID")?, "public_url": stack.var("PUBLIC_URL")?,
            },
            "sign_in_secret": stack.var("AUTH_CLIENT_SECRET")?,
            "session_key": stack.var("SESSION_KEY")?,
            "auth_audience": stack.var("AUTH_AUDIENCE")?,
            "auth_jwks_url": stack.var("AUTH_JWKS_URL")?,
            "auth_clients": serde_json::from_str::<Value>(stack.var("AUTH_CLIENTS")?)?,
            "database_url": stack.var("DATABASE_URL")?,
            "migrate_database_url": stack.var("MIGRATE_DATABASE_URL")?,
            "database_ca": "",
            "redis_url": stack.var("REDIS_URL")?,
            "model": { "provider": "extractive" },
        });
        fs::write(folder.infra().join("test.auto.tfvars.json"), variables.to_string())?;
        folder.initialise()?;
        folder.run(
            &["apply", "-auto-approve", "-parallelism=20"],
            &[
                ("AWS_ENDPOINT_URL", &wire::to(endpoint)?),
                ("AWS_ACCESS_KEY_ID", emulator::KEY.0),
                ("AWS_SECRET_ACCESS_KEY", emulator::KEY.1),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ],
        )?;
        say(&format!("  applied in {}", seconds(since.elapsed())));
        Ok(Self { endpoint: endpoint.to_owned(), outputs: folder.outputs()? })
    }

    fn api(&self, token: Option<String>) -> Api {
        let id = self.outputs["api_id"]["value"].as_str().unwrap_or_default();
        Api { url: format!("{}/_aws/execute-api/{id}/$default", self.endpoint), token }
    }

    fn migrate(&self) -> Result<()> {
        let migrated = self.invoke("platform-migrate", &json!({}))?;
        ensure!(migrated["version"].as_u64().is_some_and(|version| version > 0), "{migrated}");
        Ok(())
    }

    /// Invokes a function past the gateway.
    fn invoke(&self, function: &str, event: &Value) -> Result<Value> {
        let name = text(&self.outputs["functions"]["value"][function])?;
        let url = format!("{}/2015-03-31/functions/{name}:live/invocations", self.endpoint);
        let headers = [("authorization", &*emulator::authorization("lambda"))];
        let agent = http::agent(Duration::from_mins(2));
        let reply = http::post(&agent, &url, &headers, event.to_string().as_bytes())?;
        let failed = reply.headers("x-amz-function-error").next().is_some();
        ensure!(reply.status == 200 && !failed, "{function}: {} {}", reply.status, reply.body);
        reply.json()
    }

    /// One execution of a state machine, by its name.
    fn execution(&self, machine: &str, name: &str) -> Result<Value> {
        let arn = text(&self.outputs["state_machines"]["value"][machine])?;
        let arn = format!("{}:{name}", arn.replacen(":stateMachine:", ":execution:", 1));
        let headers = [
            ("authorization", &*emulator::authorization("states")),
            ("x-amz-target", "AWSStepFunctions.DescribeExecution"),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        let body = json!({ "executionArn": arn }).to_string();
        let agent = http::agent(Duration::from_secs(10));
        http::post(&agent, &self.endpoint, &headers, body.as_bytes())?.json()
    }
}

/// A stack of this test's own, removed at its end.
struct Own(String);

impl Own {
    fn new() -> Self {
        Self(format!("test-infra-{}", std::process::id()))
    }

    fn options(&self, paths: &Paths) -> Result<Options> {
        Ok(Options {
            name: Some(self.0.clone()),
            postgres: vec![("fsync".to_owned(), "off".to_owned())],
            forwarder: Some(forwarder(paths)?),
            ..Options::default()
        }
        .without(Part::Model))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = stack::stop(Some(&self.0));
        if let Ok(paths) = Paths::find(Some(&self.0)) {
            let _ = fs::remove_dir_all(paths.stack);
        }
    }
}

/// A stack registers the checkout's functions with it; this test calls its own instead.
fn forwarder(paths: &Paths) -> Result<PathBuf> {
    let out = Command::new("cargo")
        .args(["build", "--quiet", "--package", "local", "--bin", "forwarder"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(&paths.root)
        .output()
        .context("cannot start cargo")?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8_lossy(&out.stdout);
    let mut artifacts = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = artifacts.find_map(|line| line["executable"].as_str().map(PathBuf::from));
    found.context("cargo built no forwarder")
}
