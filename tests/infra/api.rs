//! The deployed API, through the emulated gateway, as a person with a token uses it.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use local::http::{self, Reply};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
}

impl Api {
    pub(crate) fn get(&self, path: &str) -> Result<Reply> {
        let url = format!("{}{path}", self.url);
        http::get(&http::agent(Duration::from_secs(40)), &url, &self.headers(&self.bearer()))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        let url = format!("{}{path}", self.url);
        let agent = http::agent(Duration::from_secs(40));
        http::post(&agent, &url, &self.headers(&self.bearer()), body.to_string().as_bytes())
    }

    /// Posts, and insists on what comes back.
    pub(crate) fn make(&self, path: &str, body: &Value, status: u16) -> Result<Value> {
        let reply = self.post(path, body)?;
        ensure!(reply.status == status, "POST {path}: {} {}", reply.status, reply.body);
        reply.json()
    }

    pub(crate) fn read(&self, path: &str) -> Result<Value> {
        let reply = self.get(path)?;
        ensure!(reply.status == 200, "GET {path}: {} {}", reply.status, reply.body);
        reply.json()
    }

    /// Waits until a run has ended.
    pub(crate) fn ended(&self, run: &str, patience: Duration) -> Result<Value> {
        let since = Instant::now();
        loop {
            let now = self.read(&format!("/v1/runs/{run}"))?;
            match now["state"].as_str() {
                Some("queued" | "running") => {}
                _ => return Ok(now),
            }
            if since.elapsed() > patience {
                bail!("the run does not end: {now}");
            }
            sleep(Duration::from_millis(250));
        }
    }

    /// An agent and its first version.
    pub(crate) fn agent(&self, slug: &str, name: &str) -> Result<Value> {
        let definition = json!({
            "name": name,
            "role": "You write short, plain notes.",
            "principles": ["Say what matters first."],
        });
        let made =
            self.make("/v1/agents", &json!({ "slug": slug, "definition": definition }), 201)?;
        self.make(&format!("/v1/agents/{}/versions", text(&made["id"])?), &json!({}), 201)?;
        Ok(made)
    }

    fn bearer(&self) -> String {
        self.token.as_ref().map(|token| format!("Bearer {token}")).unwrap_or_default()
    }

    fn headers<'a>(&self, bearer: &'a str) -> Vec<(&'a str, &'a str)> {
        let kind = ("content-type", "application/json");
        if self.token.is_some() { vec![kind, ("authorization", bearer)] } else { vec![kind] }
    }
}

pub(crate) fn text(value: &Value) -> Result<&str> {
    let Some(text) = value.as_str() else { bail!("not a text: {value}") };
    Ok(text)
}
