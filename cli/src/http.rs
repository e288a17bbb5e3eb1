//! HTTP to the API: with patience, and tried again only where that cannot do a thing twice.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::http::{HeaderMap, Request};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

use crate::failure::{Failure, Result};
use crate::progress::{Progress, say};
use crate::sse::Stream;

const ATTEMPTS: u32 = 4;
/// Of somebody who watches: most of a minute.
const ATTEMPTS_WATCHING: u32 = 10;
/// Longer than this nobody is kept waiting without being asked.
const LONGEST_WAIT: u64 = 30;
const EVENTS: &str = "text/event-stream";
/// The API ends them before that; one that is silent for so long has lost its other end.
const LONGEST_STREAM: Duration = Duration::from_mins(5);
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// What proves who calls; it has no `Display`, and its `Debug` tells nothing.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

pub(crate) struct Sender {
    /// By the proxy that the environment names.
    far: Agent,
    /// To this machine, which is all that plain HTTP is for: a proxy would read the token.
    near: Agent,
    bearer: Option<Secret>,
    attempts: u32,
    /// Whether somebody else shows that time passes.
    quiet: bool,
}

pub(crate) struct Ask<'a> {
    pub(crate) method: &'static str,
    pub(crate) url: &'a str,
    pub(crate) body: Option<(&'a str, &'a [u8])>,
    /// Of `Idempotency-Key`.
    pub(crate) key: Option<&'a str>,
}

struct Reply {
    status: u16,
    /// Seconds of `Retry-After`.
    wait: Option<u64>,
    body: Vec<u8>,
}

impl Sender {
    pub(crate) fn new(bearer: Option<Secret>, patience: Duration) -> Self {
        let near = config(patience).proxy(None).build().into();
        Self {
            far: config(patience).build().into(),
            near,
            bearer,
            attempts: ATTEMPTS,
            quiet: false,
        }
    }

    pub(crate) fn watch(&mut self) {
        self.quiet = true;
        self.attempts = ATTEMPTS_WATCHING;
    }

    /// The answer's JSON, if it is one and not a refusal.
    pub(crate) fn json(&self, ask: &Ask<'_>) -> Result<Value> {
        let reply = self.patiently(ask)?;
        let parsed = serde_json::from_slice::<Value>(&reply.body);
        if (200..300).contains(&reply.status) {
            return parsed.map_err(|_| {
                Failure::new(format!("{} did not answer with JSON", origin(ask.url)))
                    .next("check that --api is the address of a Cadre API")
            });
        }
        if (300..400).contains(&reply.status) {
            return Err(Failure::new(format!("{} points elsewhere", origin(ask.url)))
                .next("give --api the final address: redirects are not followed with a token"));
        }
        let problem = parsed.ok().filter(Value::is_object).unwrap_or_default();
        Err(Failure::problem(reply.status, self.without_token(problem), reply.wait))
    }

    /// An answer that goes on; `None` if this is not where to get one.
    pub(crate) fn stream(
        &self,
        url: &str,
        last: Option<&str>,
    ) -> Option<Stream<impl BufRead + use<>>> {
        let mut request = Request::builder().uri(url).header("accept", EVENTS);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        if let Some(Secret(token)) = &self.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let agent = if url.starts_with("https://") { &self.far } else { &self.near };
        let request = agent.configure_request(request.body(()).ok()?);
        let request = request.timeout_global(Some(LONGEST_STREAM)).build();
        let answer = agent.run(request).ok()?;
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let streams = answer.status() == 200 && kind.is_some_and(|kind| kind.starts_with(EVENTS));
        let reader = answer.into_body().into_with_config().limit(u64::MAX).reader();
        streams.then(|| Stream(BufReader::new(reader)))
    }

    /// Again where that is safe: what changes nothing, and what the API does once by its key.
    fn patiently(&self, ask: &Ask<'_>) -> Result<Reply> {
        let safe = ask.method == "GET" || ask.key.is_some();
        let mut attempt = 1;
        loop {
            let outcome = self.once(ask);
            let (wait, why) = match &outcome {
                Ok(reply) if worth_again(reply) => {
                    (reply.wait, format!("it answered {}", reply.status))
                }
                Ok(_) => (None, String::new()),
                Err(cut) => (None, cut.why.clone()),
            };
            let wait = wait.map_or(backoff(attempt), Duration::from_secs);
            let passes = outcome.as_ref().map_or_else(|cut| cut.passes, |_| true);
            let last =
                !passes || !safe || attempt == self.attempts || wait.as_secs() > LONGEST_WAIT;
            if why.is_empty() || last {
                return outcome.map_err(|cut| unreached(ask, &cut.why, safe));
            }
            attempt += 1;
            let seconds = wait.as_secs_f64();
            say(&format!("{why}; again in {seconds:.1} s ({attempt} of {})", self.attempts));
            sleep(wait);
        }
    }

    fn once(&self, ask: &Ask<'_>) -> std::result::Result<Reply, Cut> {
        let _shown = (!self.quiet).then(|| Progress::begin("waiting for the API"));
        let (kind, body) = ask.body.unwrap_or_default();
        let mut request = Request::builder().method(ask.method).uri(ask.url);
        let headers = [
            ("accept", Some("application/json")),
            ("content-type", (!kind.is_empty()).then_some(kind)),
            ("idempotency-key", ask.key),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(Secret(token)) = &self.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let agent = if ask.url.starts_with("https://") { &self.far } else { &self.near };
        let answer = if ask.method == "GET" {
            agent.run(request.body(()).map_err(Cut::of)?)
        } else {
            agent.run(request.body(body).map_err(Cut::of)?)
        };
        let mut answer = answer.map_err(Cut::of)?;
        let mut body = Vec::new();
        let mut reader = answer.body_mut().as_reader().take(LONGEST_ANSWER);
        reader.read_to_end(&mut body).map_err(Cut::of)?;
        Ok(Reply { status: answer.status().as_u16(), wait: wait(answer.headers()), body })
    }

    /// A server that repeats what it was sent does not bring the token onto the screen.
    fn without_token(&self, problem: Value) -> Value {
        let Some(Secret(token)) = self.bearer.as_ref().filter(|token| !token.0.is_empty()) else {
            return problem;
        };
        let text = problem.to_string().replace(token.as_str(), "[token]");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

fn config(patience: Duration) -> ConfigBuilder<AgentScope> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // A redirect would take the token to a place that nobody named.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("cadre/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_global(Some(patience))
}

/// No answer, or not all of one: why, and whether it may be otherwise in a moment.
struct Cut {
    why: String,
    passes: bool,
}

impl Cut {
    fn of(error: impl fmt::Display) -> Self {
        let why = error.to_string();
        // Whoever shows a wrong certificate will show it again.
        let passes = !why.contains("certificate");
        Self { why, passes }
    }
}

fn unreached(ask: &Ask<'_>, why: &str, safe: bool) -> Failure {
    let failure = Failure::new(format!("no answer from {}: {why}", origin(ask.url)));
    failure.next(if safe {
        "is the address right, and the network there? Then try again"
    } else {
        "it may have been done all the same: look before you try again"
    })
}

/// Not done, and perhaps done later. A key whose first request is still worked on is such a case.
fn worth_again(reply: &Reply) -> bool {
    matches!(reply.status, 429 | 502 | 503 | 504) || (reply.status == 409 && reply.wait.is_some())
}

fn backoff(attempt: u32) -> Duration {
    Duration::from_millis(250 << attempt.min(5))
}

fn wait(headers: &HeaderMap) -> Option<u64> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()
}

/// Without path and query.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |at| &url[..host + at])
}
