//! Calls to hosts that a user, a tenant or a model named: tools, webhooks, imports by address. The
//! one client for them. It reaches the public internet by https and nothing else; what a name means
//! is checked on the very addresses that are then connected to, so a second answer of a name server
//! changes nothing.

mod address;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, Url};

pub use address::is_public;

const MOST_HOPS: usize = 3;
const LONGEST_URL: usize = 2048;

/// Why a call was not made, or its answer not taken. It says nothing of addresses: what a name
/// means inside our network is nobody's business outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this is no absolute https address of up to {LONGEST_URL} characters")]
    Address,
    #[error("an address may not hold a name and password: send them as a header")]
    Userinfo,
    #[error("this port is not called: use 443 or 8443")]
    Port,
    #[error("this host is not on the public internet")]
    NotPublic,
    #[error("the host answers with a redirect to another host: name that one instead")]
    Redirect,
    #[error("the answer is larger than what is taken")]
    TooLarge,
    #[error("the answer is compressed, which was not asked for")]
    Encoded,
    #[error("the host did not answer in time")]
    Slow,
    #[error("the host could not be reached, or broke off")]
    Failed,
}

impl From<Refusal> for crate::Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: "outbound", detail: refusal.to_string() }
    }
}

/// Where calls may go. The default is what products use; tests hand in their own loopback.
#[derive(Clone, Debug)]
pub struct Reach {
    pub ports: Vec<u16>,
    /// Also without TLS.
    pub plain: bool,
    /// Addresses that are reached although they are not public.
    pub also: Vec<IpAddr>,
}

impl Default for Reach {
    fn default() -> Self {
        Self { ports: vec![443, 8443], plain: false, also: vec![] }
    }
}

/// How much of an answer is taken, and how long it may take, redirects and all.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub bytes: usize,
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, time: Duration::from_secs(10) }
    }
}

#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub struct Outbound {
    client: Client,
    reach: Arc<Reach>,
    limits: Limits,
}

impl Outbound {
    /// To the public internet, by the system's name servers.
    pub fn new(limits: Limits) -> anyhow::Result<Self> {
        Self::with(Reach::default(), limits, Arc::new(System))
    }

    /// With another reach and other names: for tests, which say so here and not in a setting.
    pub fn with(reach: Reach, limits: Limits, names: Arc<dyn Resolve>) -> anyhow::Result<Self> {
        let reach = Arc::new(reach);
        let client = Client::builder()
            .dns_resolver(Checked { names, reach: reach.clone() })
            .redirect(Redirects::none())
            .no_proxy()
            .https_only(!reach.plain)
            .connect_timeout(Duration::from_secs(3))
            .pool_max_idle_per_host(0)
            .referer(false)
            .user_agent(concat!("cadre/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, reach, limits })
    }

    pub async fn send(&self, ask: Ask) -> Result<Answer, Refusal> {
        tokio::time::timeout(self.limits.time, self.follow(ask)).await.map_err(|_| Refusal::Slow)?
    }

    async fn follow(&self, ask: Ask) -> Result<Answer, Refusal> {
        let mut url = self.checked(&ask.url)?;
        for _ in 0..=MOST_HOPS {
            let answer = self.once(&ask, url.clone()).await?;
            if !answer.status.is_redirection() {
                return Ok(answer);
            }
            let next = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            let next = next.and_then(|to| url.join(to).ok()).ok_or(Refusal::Redirect)?;
            let next = self.checked(next.as_str())?;
            // What is asked for with a body is not sent elsewhere, nor any header to another host.
            if next.origin() != url.origin() || ask.method != Method::GET {
                return Err(Refusal::Redirect);
            }
            url = next;
        }
        Err(Refusal::Redirect)
    }

    /// All that can be seen without asking a name server. The parser has made an address of every
    /// spelling of one by now: decimal, octal, hexadecimal, short.
    fn checked(&self, url: &str) -> Result<Url, Refusal> {
        if url.len() > LONGEST_URL {
            return Err(Refusal::Address);
        }
        let url = Url::parse(url).map_err(|_| Refusal::Address)?;
        let scheme = url.scheme() == "https" || self.reach.plain && url.scheme() == "http";
        let host = url.host_str().filter(|_| scheme).ok_or(Refusal::Address)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Userinfo);
        }
        let port = url.port_or_known_default().ok_or(Refusal::Port)?;
        if !self.reach.ports.contains(&port) {
            return Err(Refusal::Port);
        }
        // No name server is asked about an address, so it is looked at here.
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) if !self.reach.has(address) => Err(Refusal::NotPublic),
            _ => Ok(url),
        }
    }

    async fn once(&self, ask: &Ask, url: Url) -> Result<Answer, Refusal> {
        let mut headers = ask.headers.clone();
        // One host behind another: the name in the address is the one that is meant.
        headers.remove(header::HOST);
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
        let request = self.client.request(ask.method.clone(), url).headers(headers);
        let response = request.body(ask.body.clone()).send().await;
        let mut response = response.map_err(|error| refusal(&error))?;
        let encoding = response.headers().get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(Refusal::Encoded);
        }
        let declared = response.content_length().unwrap_or_default();
        if declared > self.limits.bytes as u64 {
            return Err(Refusal::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| refusal(&error))? {
            if body.len() + part.len() > self.limits.bytes {
                return Err(Refusal::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
    }
}

impl Reach {
    fn has(&self, address: IpAddr) -> bool {
        is_public(address) || self.also.contains(&address)
    }
}

/// A name server's answer, of which every address must be within reach: one that is not makes the
/// whole answer a lie.
struct Checked {
    names: Arc<dyn Resolve>,
    reach: Arc<Reach>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, reach) = (self.names.resolve(name), self.reach.clone());
        Box::pin(async move {
            let addresses: Vec<_> = answer.await?.collect();
            if addresses.is_empty() || !addresses.iter().all(|to| reach.has(to.ip())) {
                return Err(Box::new(Refusal::NotPublic) as _);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The system's resolver.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(addresses.collect::<Vec<SocketAddr>>().into_iter()) as Addrs)
        })
    }
}

/// Ours if it is in there, else that it did not work: the chain names addresses.
fn refusal(error: &reqwest::Error) -> Refusal {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Refusal>() {
            return *ours;
        }
        cause = error.source();
    }
    Refusal::Failed
}
