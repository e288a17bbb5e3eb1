//! A `DynamoDB` of a test's own: a small one in this process for every house, the emulator as a
//! process, and a line to either that throttles, fails and loses answers.

mod own;
mod words;

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use local::emulator::{KEY, REGION, authorization};
use serde_json::json;
use shared::dynamo::Dynamo;
use uuid::Uuid;

use crate::crash::{Dice, until};
use crate::world::root;

const TABLE: &str = "cadre";

pub struct Emulator {
    child: Child,
    folder: PathBuf,
    pub url: String,
}

impl Emulator {
    pub async fn start() -> Result<Self> {
        let [port] = local::ports::free()?;
        let name = format!("cadre-dynamo-{}", Uuid::now_v7().simple());
        let folder = local::settings::temporary().join(name);
        std::fs::create_dir_all(&folder)?;
        let program = root().join(".local/python/bin/ministack");
        let mut command = Command::new(&program);
        command
            .envs([("BIND_HOST", "127.0.0.1"), ("PERSIST_STATE", "0"), ("LOG_LEVEL", "ERROR")])
            .envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")])
            .env("GATEWAY_PORT", port.to_string())
            .env("STATE_DIR", &folder)
            .env("TMPDIR", &folder)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().with_context(|| program.display().to_string())?;
        let emulator = Self { child, folder, url: format!("http://127.0.0.1:{port}") };
        until("the emulator listens", async || Ok(TcpStream::connect(("127.0.0.1", port)).is_ok()))
            .await?;
        emulator.create_table().await?;
        Ok(emulator)
    }

    /// As infra/data.tf makes it.
    async fn create_table(&self) -> Result<()> {
        let attribute = |name| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name, kind| json!({ "AttributeName": name, "KeyType": kind });
        let table = json!({
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        let request = reqwest::Client::new()
            .post(&self.url)
            .header("x-amz-target", "DynamoDB_20120810.CreateTable")
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", authorization("dynamodb"));
        let response = request.body(table.to_string()).send().await?;
        ensure!(response.status().is_success(), "{}", response.text().await?);
        Ok(())
    }

    pub async fn client(&self) -> Dynamo {
        client(&self.url).await
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What every house of this process shares.
pub fn small() -> Dynamo {
    at(own::address())
}

/// Another one.
pub fn another() -> Result<Dynamo> {
    Ok(at(&own_line()?))
}

/// Where another one listens, for who wants a line to it and one past that.
pub fn own_line() -> Result<String> {
    own::start()
}

/// The same for another process, beside what else it is told.
pub fn environment() -> [(&'static str, &'static str); 5] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", own::address()),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", KEY.0),
        ("AWS_SECRET_ACCESS_KEY", KEY.1),
        ("DYNAMODB_TABLE", TABLE),
    ]
}

/// The product's own client, for whatever listens at this address.
pub async fn client(url: &str) -> Dynamo {
    std::future::ready(at(url)).await
}

pub fn at(url: &str) -> Dynamo {
    let keys = Credentials::new(KEY.0, KEY.1, None, None, "test");
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(keys));
    Dynamo::new(&aws.build(), TABLE.into())
}

/// A line to the emulator on which much goes wrong.
pub struct BadLine {
    pub url: String,
    pub throttled: Arc<AtomicU32>,
    pub failed: Arc<AtomicU32>,
    /// The emulator did it, and nobody was told.
    pub lost: Arc<AtomicU32>,
}

#[derive(Clone)]
struct Faults {
    target: String,
    http: reqwest::Client,
    dice: Arc<Dice>,
    counts: [Arc<AtomicU32>; 3],
}

impl BadLine {
    #[expect(clippy::print_stdout, reason = "the seed repeats the run")]
    pub async fn to(url: &str) -> Result<Self> {
        let counts: [Arc<AtomicU32>; 3] = Default::default();
        let dice = Arc::new(Dice::new());
        println!("CRASH_SEED={}", dice.seed);
        let target = url.to_owned();
        let faults = Faults { target, http: reqwest::Client::new(), dice, counts: counts.clone() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = axum::Router::new().fallback(answer).with_state(faults);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let [throttled, failed, lost] = counts;
        Ok(Self { url, throttled, failed, lost })
    }
}

async fn answer(State(faults): State<Faults>, request: Request) -> Response {
    let said = |which: usize, status: StatusCode, name: &str| {
        faults.counts[which].fetch_add(1, Ordering::Relaxed);
        let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": name });
        (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
    };
    match faults.dice.up_to(100) {
        1..=12 => {
            return said(0, StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException");
        }
        13..=18 => return said(0, StatusCode::BAD_REQUEST, "ThrottlingException"),
        19..=24 => return said(1, StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut forward = faults.http.post(&faults.target).body(body);
    for (name, value) in &parts.headers {
        if name != "host" && name != "content-length" {
            forward = forward.header(name, value);
        }
    }
    let Ok(response) = forward.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap_or_default();
    if faults.dice.percent(4) {
        return said(2, StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
    }
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    for name in ["content-type", "x-amz-crc32", "x-amzn-requestid"] {
        if let Some(value) = headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
