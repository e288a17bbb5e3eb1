//! The public API, as any client calls it.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use ureq::Agent;

use crate::http;

pub(super) struct Api {
    agent: Agent,
    base: String,
    bearer: String,
}

impl Api {
    pub(super) fn new(base: String, token: &str) -> Self {
        let agent = http::agent(Duration::from_mins(1));
        Self { agent, base, bearer: format!("Bearer {token}") }
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let headers = [("authorization", self.bearer.as_str())];
        good(path, &http::get(&self.agent, &format!("{}{path}", self.base), &headers)?)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.upload(path, "application/json", body.to_string().as_bytes())
    }

    /// The answer, or the status of a refusal that the caller knows what to do about.
    pub(super) fn try_post(&self, path: &str, body: &Value) -> Result<Result<Value, u16>> {
        let reply = self.send(path, "application/json", body.to_string().as_bytes())?;
        if reply.status == 409 {
            return Ok(Err(409));
        }
        good(path, &reply).map(Ok)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let headers =
            [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        let url = format!("{}{path}", self.base);
        good(path, &http::put(&self.agent, &url, &headers, body.to_string().as_bytes())?)
    }

    pub(super) fn upload(&self, path: &str, kind: &str, body: &[u8]) -> Result<Value> {
        good(path, &self.send(path, kind, body)?)
    }

    fn send(&self, path: &str, kind: &str, body: &[u8]) -> Result<http::Reply> {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", kind)];
        http::post(&self.agent, &format!("{}{path}", self.base), &headers, body)
    }
}

fn good(path: &str, reply: &http::Reply) -> Result<Value> {
    if (200..300).contains(&reply.status) {
        return reply.json();
    }
    let problem = reply.json().unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or(&reply.body);
    bail!("{path} answered {}: {detail}", reply.status)
}

/// A string, or nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
