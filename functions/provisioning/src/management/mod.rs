//! The issuer's Management API: within its limits, and never asked twice in doubt.

mod budget;
mod token;

use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::anyhow;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use shared::config::{Management as Settings, Secret};
use shared::redis::Redis;
use shared::{Error, Result};
use tokio::time::sleep;

pub use budget::Budget;

/// How often one call is tried, and the longest of its waits.
const TRIES: u32 = 6;
const LONGEST_WAIT: Duration = Duration::from_secs(20);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(10);

pub struct Management {
    settings: Settings,
    /// Made when first needed: those who only wait for a token do without.
    http: OnceLock<reqwest::Client>,
    budget: Budget,
    own: token::Own,
}

/// The sandbox's own; `None` where no Management API is set up.
pub fn of_sandbox() -> Result<Option<&'static Management>> {
    static ONE: OnceLock<Option<Management>> = OnceLock::new();
    if let Some(one) = ONE.get() {
        return Ok(one.as_ref());
    }
    let made = Settings::from_env()?.map(Management::new);
    Ok(ONE.get_or_init(|| made).as_ref())
}

/// What a call came to.
#[derive(Debug)]
pub enum Answer {
    Done(Value),
    /// `404`.
    Missing,
    /// `409`: there is one already.
    Taken,
}

impl Management {
    pub fn new(settings: Settings) -> Self {
        let budget = Budget::new(settings.per_second, settings.burst);
        Self { settings, http: OnceLock::new(), budget, own: token::Own::default() }
    }

    fn http(&self) -> Result<&reqwest::Client> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // No redirects: the issuer is one host, and whoever sends us elsewhere is not it.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(anyhow::Error::from)?;
        Ok(self.http.get_or_init(|| http))
    }

    /// Gets a token, without asking for anything else.
    pub async fn token(&self, redis: &Redis) -> Result<Secret<String>> {
        token::token(self, redis, false).await
    }

    pub async fn get(&self, redis: &Redis, path: &str) -> Result<Answer> {
        self.call(redis, Method::GET, path, None).await
    }

    /// Repeating it must be harmless, or the caller looks before it asks again: after an answer
    /// that did not come this says [`Error::Unavailable`], and nobody knows.
    pub async fn send(
        &self,
        redis: &Redis,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer> {
        self.call(redis, method, path, Some(body)).await
    }

    async fn call(
        &self,
        redis: &Redis,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let mut refreshed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let token = token::token(self, redis, refreshed).await?;
            self.budget.wait().await;
            let answer = self.once(self.http()?, &token, &method, path, body).await;
            let wait = match answer {
                Ok(response) => {
                    self.budget.told(response.headers());
                    match response.status() {
                        StatusCode::UNAUTHORIZED if !refreshed => {
                            refreshed = true;
                            continue;
                        }
                        StatusCode::TOO_MANY_REQUESTS => budget::until_reset(response.headers()),
                        status if status.is_server_error() && method == Method::GET => None,
                        status if status.is_server_error() => {
                            return Err(unknown(&anyhow!("{method} {path}: {status}")));
                        }
                        _ => return read(response, &method, path).await,
                    }
                }
                // Nobody knows whether it was done: only what changes nothing is asked again here.
                Err(error) if method == Method::GET => {
                    tracing::info!(%error, "the Management API did not answer");
                    None
                }
                Err(error) => return Err(unknown(&error.into())),
            };
            if tries >= TRIES {
                return Err(unknown(&anyhow!("{method} {path}: no answer in {tries} tries")));
            }
            sleep(pause(tries, wait)).await;
        }
    }

    async fn once(
        &self,
        http: &reqwest::Client,
        token: &Secret<String>,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Response> {
        let url = format!("{}/api/v2{path}", self.settings.url.trim_end_matches('/'));
        let request = http.request(method.clone(), url).bearer_auth(token.expose());
        match body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        }
    }

    /// Every item of a list, page by page, from where the page before ended: by number the issuer
    /// shows no more than a thousand. `None`: there is no such list.
    pub async fn all(&self, redis: &Redis, path: &str, name: &str) -> Result<Option<Vec<Value>>> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let after = from.map(|from: String| format!("&from={}", encoded(&from)));
            let page = format!("{path}{sign}take=100{}", after.unwrap_or_default());
            let Answer::Done(answer) = self.get(redis, &page).await? else { return Ok(None) };
            found.extend(answer[name].as_array().cloned().unwrap_or_default());
            from = answer["next"].as_str().map(str::to_owned);
            if from.is_none() {
                return Ok(Some(found));
            }
        }
    }

    /// The first thousand of a search, which has no pages beyond.
    pub async fn found(&self, redis: &Redis, path: &str) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for page in 0..10 {
            let page = format!("{path}&per_page=100&page={page}");
            let Answer::Done(Value::Array(items)) = self.get(redis, &page).await? else { break };
            let last = items.len() < 100;
            found.extend(items);
            if last {
                break;
            }
        }
        Ok(found)
    }

    pub fn connection(&self) -> &str {
        &self.settings.connection
    }
}

/// Exponential, with full jitter: many who were told to wait do not come back together. What the
/// issuer said comes on top.
fn pause(tries: u32, told: Option<Duration>) -> Duration {
    let ceiling = (FIRST_WAIT * 2_u32.pow(tries.min(8))).min(LONGEST_WAIT);
    let jitter = ceiling.mul_f64(budget::random());
    told.map_or(jitter, |told| told.min(LONGEST_WAIT) + jitter.min(Duration::from_millis(500)))
}

async fn read(response: Response, method: &Method, path: &str) -> Result<Answer> {
    let status = response.status();
    match status {
        StatusCode::NOT_FOUND => Ok(Answer::Missing),
        StatusCode::CONFLICT => Ok(Answer::Taken),
        status if status.is_success() => {
            let bytes = response.bytes().await.map_err(|error| unknown(&error.into()))?;
            if bytes.is_empty() {
                return Ok(Answer::Done(json!(null)));
            }
            let value = serde_json::from_slice(&bytes);
            value.map(Answer::Done).map_err(|error| unknown(&error.into()))
        }
        // Not the body: it repeats what was sent.
        status => Err(Error::Internal(anyhow!("{method} {path}: {status}"))),
    }
}

fn unknown(cause: &anyhow::Error) -> Error {
    Error::Unavailable(anyhow!("Management API: {cause:#}"))
}

pub(crate) fn seconds(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// For one part of a path or one value of a query.
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 3), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
