//! ministack: plays AWS (Step Functions, Lambda, `DynamoDB`, SQS, EventBridge, S3 and more).

use std::{fs, process::Command, time::Duration};

use anyhow::Result;

use super::answers;
use crate::{paths::Paths, process::Ask, service::Service, settings};

pub fn service(paths: &Paths, port: u16) -> Result<Service> {
    let home = paths.stack.join("emulator");
    // It keeps nothing between starts; what it unpacked before is of no use.
    let _ = fs::remove_dir_all(&home);
    let temporary = home.join("tmp");
    fs::create_dir_all(&temporary)?;

    let mut command = Command::new(paths.tools.join("python/bin/ministack"));
    // What it runs as Lambdas sees its environment: they get what they are configured with, no more.
    command
        .env_clear()
        .envs(settings::bare())
        .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1")])
        .envs([("PERSIST_STATE", "0"), ("LOG_LEVEL", "WARNING")])
        // They would listen on fixed ports.
        .envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")])
        .envs([("LAMBDA_EXECUTOR", "local"), ("PYTHONUNBUFFERED", "1")])
        .env("GATEWAY_PORT", port.to_string())
        .env("STATE_DIR", home.join("state"))
        .env("S3_DATA_DIR", home.join("s3"))
        .env("TMPDIR", temporary)
        .current_dir(&home);
    Ok(Service {
        name: "emulator",
        what: "AWS emulator (ministack)",
        address: format!("http://127.0.0.1:{port}"),
        command,
        ask: Ask::Terminate,
        patience: Duration::from_mins(1),
        ready: answers(format!("http://127.0.0.1:{port}/_ministack/health")),
    })
}
