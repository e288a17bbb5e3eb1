//! The host: every function in one process, as HTTP API and as Lambda Invoke API.

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use super::answers;
use crate::{process::Ask, service::Service};

pub fn service(binary: &Path, address: &str, environment: &BTreeMap<String, String>) -> Service {
    let mut command = Command::new(binary);
    command.envs(environment);
    Service {
        name: "host",
        what: "Cadre: every function",
        address: format!("http://{address}"),
        command,
        ask: Ask::Terminate,
        patience: Duration::from_secs(30),
        ready: answers(format!("http://{address}/v1/health")),
    }
}
