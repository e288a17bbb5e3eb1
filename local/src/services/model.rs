//! The demonstration model: SmolLM2-135M behind llama.cpp's OpenAI-compatible server. Small, and weak.

use std::{path::Path, process::Command, time::Duration};

use super::answers;
use crate::{paths::Paths, process::Ask, service::Service};

pub const NAME: &str = "smollm2-135m-instruct";

/// What the weights were trained for.
const CONTEXT_TOKENS: u16 = 8192;

pub fn service(paths: &Paths, weights: &Path, port: u16, threads: u16, slots: u16) -> Service {
    let mut command = Command::new(paths.python());
    command
        .arg(paths.root.join("local/model/server.py"))
        .arg(weights)
        .args([port, threads, CONTEXT_TOKENS, slots].map(|number| number.to_string()))
        .arg(NAME);
    Service {
        name: "model",
        what: "SmolLM2-135M (demonstration)",
        address: format!("http://127.0.0.1:{port}/v1"),
        command,
        ask: Ask::Terminate,
        patience: Duration::from_mins(1),
        ready: answers(format!("http://127.0.0.1:{port}/health")),
    }
}
