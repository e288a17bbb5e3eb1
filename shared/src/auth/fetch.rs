//! An issuer's key set over the network: from the configured host only, in little time and memory.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, redirect};

use crate::outbound::is_public;

const LARGEST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// Injected, so that a test can be an issuer that lies, hangs or is away.
pub trait Fetch: Send + Sync {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>>>;
}

/// The network.
pub(super) struct Network;

impl Fetch for Network {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>>> {
        get(url).boxed()
    }
}

async fn get(url: &str) -> Result<Vec<u8>> {
    let url: Url = url.parse().context("the address of the key set")?;
    let loopback = is_allowed(&url)?;
    // A decoder that somebody switches on elsewhere must not unpack a bomb here.
    let mut client = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .timeout(PATIENCE);
    if !loopback {
        client = client.dns_resolver(Arc::new(PublicOnly));
    }
    let mut response = client.build()?.get(url).send().await?;
    // Also not a redirect: reqwest hands those over as they are.
    ensure!(response.status() == 200, "the issuer answers {}", response.status());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        ensure!(body.len() + chunk.len() <= LARGEST, "the key set is over {LARGEST} bytes");
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether it is this machine, which is for tests; anything else is https to a public address.
fn is_allowed(url: &Url) -> Result<bool> {
    let host = url.host_str().context("the key set's address has no host")?;
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    match url.scheme() {
        "http" if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) => Ok(true),
        "https" => {
            ensure!(address.is_none_or(is_public), "the key set's address is not public");
            Ok(false)
        }
        _ => bail!("the key set's address must be https"),
    }
}

/// Names of the internet's, after they are resolved: a name can lead inside as well as an address.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err("the issuer's name leads to no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, is_allowed};
    use crate::auth::Fetch;

    #[test]
    fn a22_keys_come_by_https_from_a_public_address_or_from_this_machine() {
        for url in ["http://127.0.0.1:1/k", "http://localhost/k", "http://[::1]/k"] {
            assert!(is_allowed(&url.parse().unwrap()).unwrap(), "{url}");
        }
        for url in ["https://issuer.example/k", "https://1.1.1.1/", "https://[2606:4700::1]/"] {
            assert!(!is_allowed(&url.parse().unwrap()).unwrap(), "{url}");
        }
        for url in [
            "http://issuer.example/k",
            "http://127.0.0.1.evil.example/k",
            "http://localhost.evil.example/k",
            "http://2130706433.example/k",
            "ftp://127.0.0.1/k",
            "file:///etc/passwd",
            "data:,x",
            "https://169.254.169.254/k",
            "https://127.0.0.1/k",
            "https://2130706433/k",
            "https://0x7f.1/k",
            "https://0/k",
            "https://[::ffff:10.0.0.1]/k",
            "https://[fd00:ec2::254]/k",
        ] {
            assert!(is_allowed(&url.parse().unwrap()).is_err(), "{url}");
        }
    }

    /// `localhost` resolves to this machine on every machine: by https it is refused after DNS.
    #[tokio::test]
    async fn a22_a_name_that_leads_inside_is_refused_after_it_is_resolved() {
        let refused = Network.fetch("https://localhost:1/k").await.unwrap_err();
        assert!(format!("{refused:#}").contains("no public address"), "{refused:#}");
    }
}
