//! HTTP to loopback: plain, without redirects or proxies; any status is an answer.

use std::{io::Read, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use ureq::{Agent, Body, http::Response};

const LONGEST: u64 = 32 * 1024 * 1024;

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// Every value of a header, in order (`set-cookie` comes many times).
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }
}

pub fn agent(patience: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        // Small servers answer in two pieces, and a connection that is used again
        // waits 40 ms between them (Nagle's algorithm meets a delayed acknowledgement).
        .max_idle_connections(0)
        .timeout_global(Some(patience))
        .build()
        .into()
}

pub fn get(agent: &Agent, url: &str, headers: &[(&str, &str)]) -> Result<Reply> {
    let request = headers.iter().fold(agent.get(url), |request, (k, v)| request.header(*k, *v));
    read(request.call().with_context(|| format!("GET {url}"))?)
}

pub fn post(agent: &Agent, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
    send(headers.iter().fold(agent.post(url), |request, (k, v)| request.header(*k, *v)), url, body)
}

pub fn put(agent: &Agent, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
    send(headers.iter().fold(agent.put(url), |request, (k, v)| request.header(*k, *v)), url, body)
}

fn send(
    request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    url: &str,
    body: &[u8],
) -> Result<Reply> {
    read(request.send(body).with_context(|| format!("sending to {url}"))?)
}

fn read(mut response: Response<Body>) -> Result<Reply> {
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let mut body = Vec::new();
    response.body_mut().as_reader().take(LONGEST).read_to_end(&mut body)?;
    Ok(Reply {
        status: response.status().as_u16(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
