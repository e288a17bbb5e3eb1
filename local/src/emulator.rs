//! Registers with the AWS emulator what Terraform registers with AWS, from the same files.

mod archive;
mod table;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use ureq::Agent;

use crate::http::{self, Reply};
pub use table::{Function, Machine, Source, fill};

pub const REGION: &str = "us-east-1";
/// Any pair will do; the emulator knows no accounts.
pub const KEY: (&str, &str) = ("test", "test");

/// What `DYNAMODB_TABLE` says.
pub const TABLE: &str = "cadre";

/// Where the functions' common code lies: bucket and key.
const CODE: (&str, &str) = ("local-functions", "forwarder.zip");

/// What the emulator knows after a registration: ARNs by name.
#[derive(Debug, Default)]
pub struct Registered {
    pub functions: BTreeMap<String, String>,
    pub machines: BTreeMap<String, String>,
}

/// Creates, or brings up to date, every function and every state machine.
pub fn register(
    endpoint: &str,
    source: &Source,
    forwarder: &Path,
    host_url: &str,
) -> Result<Registered> {
    let emulator = Emulator { endpoint, agent: http::agent(Duration::from_secs(30)) };
    emulator.upload(forwarder)?;
    emulator.table()?;
    let mut registered = Registered::default();
    for (name, function) in &source.functions {
        let arn = emulator
            .function(name, function.timeout, host_url)
            .with_context(|| format!("function {name}"))?;
        registered.functions.insert(name.clone(), arn);
    }
    for (name, machine) in &source.machines {
        let definition = fill(&machine.definition, &registered.functions)
            .with_context(|| format!("in {}", machine.file.display()))?;
        let arn =
            emulator.machine(name, &definition).with_context(|| format!("state machine {name}"))?;
        registered.machines.insert(name.clone(), arn);
    }
    Ok(registered)
}

struct Emulator<'a> {
    endpoint: &'a str,
    agent: Agent,
}

impl Emulator<'_> {
    /// The code, once for all functions.
    fn upload(&self, forwarder: &Path) -> Result<()> {
        let program = fs::read(forwarder)
            .with_context(|| format!("no {}: cargo build -p local", forwarder.display()))?;
        let headers = [("authorization", &*authorization("s3"))];
        let bucket = format!("{}/{}", self.endpoint, CODE.0);
        let object = format!("{bucket}/{}", CODE.1);
        for (url, body) in [(bucket, vec![]), (object, archive::bootstrap(&program)?)] {
            let reply = http::put(&self.agent, &url, &headers, &body)?;
            ensure!(matches!(reply.status, 200 | 409), "refused: {}", reply.body);
        }
        Ok(())
    }

    /// As infra/data.tf makes it.
    fn table(&self) -> Result<()> {
        let attribute = |name| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name, kind| json!({ "AttributeName": name, "KeyType": kind });
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        let headers = [
            ("authorization", &*authorization("dynamodb")),
            ("x-amz-target", "DynamoDB_20120810.CreateTable"),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        let reply = http::post(&self.agent, self.endpoint, &headers, table.to_string().as_bytes())?;
        let there = reply.body.contains("ResourceInUseException");
        ensure!(reply.status == 200 || there, "refused: {}", reply.body);
        Ok(())
    }

    fn function(&self, name: &str, timeout: u64, host_url: &str) -> Result<String> {
        let all = format!("{}/2015-03-31/functions", self.endpoint);
        let configuration = json!({
            "FunctionName": name,
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Role": "arn:aws:iam::000000000000:role/local",
            "Timeout": timeout,
            "Environment": { "Variables": { "CADRE_HOST_URL": host_url } },
        });
        let mut create = configuration.clone();
        create["Code"] = json!({ "S3Bucket": CODE.0, "S3Key": CODE.1 });
        let mut reply = self.call("lambda", &all, &create)?;
        if reply.status == 409 {
            let one = format!("{all}/{name}/configuration");
            let headers = [("authorization", &*authorization("lambda"))];
            let body = configuration.to_string();
            reply = http::put(&self.agent, &one, &headers, body.as_bytes())?;
        }
        text(&reply, "FunctionArn")
    }

    fn machine(&self, name: &str, definition: &str) -> Result<String> {
        let create = json!({
            "name": name,
            "definition": definition,
            "roleArn": "arn:aws:iam::000000000000:role/local",
        });
        let reply = self.states("CreateStateMachine", &create)?;
        if reply.status == 200 {
            return text(&reply, "stateMachineArn");
        }
        let there = self.states("ListStateMachines", &json!({}))?.json()?;
        let known = there["stateMachines"].as_array().into_iter().flatten();
        let arn = known
            .into_iter()
            .find(|machine| machine["name"] == name)
            .and_then(|machine| machine["stateMachineArn"].as_str());
        let Some(arn) = arn else { bail!("refused: {}", reply.body) };
        let update = json!({ "stateMachineArn": arn, "definition": definition });
        let reply = self.states("UpdateStateMachine", &update)?;
        ensure!(reply.status == 200, "refused: {}", reply.body);
        Ok(arn.to_owned())
    }

    fn states(&self, operation: &str, body: &Value) -> Result<Reply> {
        let target = format!("AWSStepFunctions.{operation}");
        let headers = [
            ("authorization", &*authorization("states")),
            ("x-amz-target", &target),
            ("content-type", "application/x-amz-json-1.0"),
        ];
        http::post(&self.agent, self.endpoint, &headers, body.to_string().as_bytes())
    }

    fn call(&self, service: &str, url: &str, body: &Value) -> Result<Reply> {
        let headers =
            [("authorization", &*authorization(service)), ("content-type", "application/json")];
        http::post(&self.agent, url, &headers, body.to_string().as_bytes())
    }
}

/// The emulator looks only at the service in the scope, and checks no signature.
pub fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/{REGION}/{service}/aws4_request, \
         SignedHeaders=host, Signature=00",
        KEY.0
    )
}

fn text(reply: &Reply, field: &str) -> Result<String> {
    ensure!((200..300).contains(&reply.status), "refused: {}", reply.body);
    let value = reply.json()?[field].as_str().map(str::to_owned);
    value.with_context(|| format!("no {field} in {}", reply.body))
}

/// The files of a folder by name; none when there is no such folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|file| Some(file.ok()?.path()))
        .collect();
    found.sort();
    found
}
