//! RS256 access tokens, verified against the issuer's keys.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use tokio::sync::Mutex;

use uuid::Uuid;

use super::{Caller, Kind, tenant_id};
use crate::{Error, Result, config};

/// Longest token we look at; checked before anything is decoded.
const LONGEST_TOKEN: usize = 8 * 1024;
/// Leeway on `exp` and `nbf`, in seconds.
const LEEWAY: u64 = 30;
const KEYS_LIVE: Duration = Duration::from_mins(10);
/// A token with an unknown key id makes us ask again, but not more often than this.
const ASK_AGAIN: Duration = Duration::from_secs(30);
const LARGEST_KEY_SET: usize = 64 * 1024;

#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) org_id: String,
    #[serde(default)]
    pub(super) permissions: Vec<String>,
    /// A token that does not say when it was made is older than any mark.
    #[serde(default)]
    pub(super) iat: i64,
    pub(super) jti: Option<String>,
    pub(super) exp: i64,
}

pub struct Verifier {
    settings: config::Auth,
    validation: Validation,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, DecodingKey>,
    fetched: Option<Instant>,
}

impl Verifier {
    pub fn new(settings: config::Auth) -> Self {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        Self { settings, validation, keys: Mutex::default() }
    }

    /// The caller that this token proves.
    pub async fn caller(&self, token: &str) -> Result<Caller> {
        if token.len() > LONGEST_TOKEN {
            return Err(Error::InvalidToken);
        }
        let header = decode_header(token).map_err(|_| Error::InvalidToken)?;
        if header.alg != Algorithm::RS256 {
            return Err(Error::InvalidToken);
        }
        let id = header.kid.ok_or(Error::InvalidToken)?;
        let key = self.key(&id).await?.ok_or(Error::InvalidToken)?;
        match decode::<Claims>(token, &key, &self.validation) {
            Ok(token) if token.claims.org_id.is_empty() || token.claims.sub.is_empty() => {
                Err(Error::InvalidToken)
            }
            Ok(token) => Ok(caller(token.claims)),
            Err(error) => {
                tracing::info!(reason = ?error.kind(), "token refused");
                Err(Error::InvalidToken)
            }
        }
    }

    /// Who signed this, and what: whatever kind of token it is, and whatever it says.
    pub(super) async fn signed(&self, token: &str) -> Result<(String, Vec<u8>)> {
        if token.len() > LONGEST_TOKEN {
            return Err(Error::InvalidToken);
        }
        let header = decode_header(token).map_err(|_| Error::InvalidToken)?;
        let id = header.kid.ok_or(Error::InvalidToken)?;
        let key = self.key(&id).await?.ok_or(Error::InvalidToken)?;
        let mut signature_only = Validation::new(Algorithm::RS256);
        signature_only.required_spec_claims.clear();
        (signature_only.validate_exp, signature_only.validate_aud) = (false, false);
        let claims = decode::<serde_json::Value>(token, &key, &signature_only);
        let claims = claims.map_err(|_| Error::InvalidToken)?.claims;
        let payload = serde_json::to_vec(&claims).map_err(anyhow::Error::from)?;
        Ok((self.settings.issuer.clone(), payload))
    }

    /// Seconds of Unix time.
    pub fn now(&self) -> i64 {
        jsonwebtoken::get_current_timestamp().cast_signed()
    }

    /// The lock is held while the keys are fetched: a cold start asks once, whoever waits.
    async fn key(&self, id: &str) -> Result<Option<DecodingKey>> {
        let mut keys = self.keys.lock().await;
        let age = keys.fetched.map(|at| at.elapsed());
        let known = keys.by_id.get(id).cloned();
        let fresh = match (&known, age) {
            (_, None) => false,
            (Some(_), Some(age)) => age < KEYS_LIVE,
            (None, Some(age)) => age < ASK_AGAIN,
        };
        if fresh {
            return Ok(known);
        }
        match fetch(&self.settings.jwks_url).await {
            Ok(by_id) => *keys = Keys { by_id, fetched: Some(Instant::now()) },
            // Keys we have go on serving while the issuer is away.
            Err(error) if known.is_some() => tracing::warn!(?error, "key set not refreshed"),
            Err(error) => return Err(Error::Unavailable(error)),
        }
        Ok(keys.by_id.get(id).cloned())
    }
}

fn caller(claims: Claims) -> Caller {
    let Claims { sub, org_id, permissions, iat: issued, jti: proof, exp } = claims;
    let tenant = tenant_id(&org_id);
    let user = Uuid::new_v5(&tenant, sub.as_bytes());
    let kind = if sub.ends_with("@clients") { Kind::Machine } else { Kind::Person };
    Caller {
        sub,
        org_id,
        tenant,
        user,
        kind,
        permissions,
        client: None,
        admin_client: true,
        proof,
        issued,
        expires: exp,
        signed_in: None,
        factors: Vec::new(),
        acr: None,
    }
}

async fn fetch(url: &str) -> anyhow::Result<HashMap<String, DecodingKey>> {
    let loopback = url.starts_with("http://127.0.0.1:") || url.starts_with("http://localhost:");
    ensure!(url.starts_with("https://") || loopback, "AUTH_JWKS_URL must be https");
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        ensure!(body.len() <= LARGEST_KEY_SET, "the key set is over {LARGEST_KEY_SET} bytes");
    }
    parse(&serde_json::from_slice(&body).context("the key set is not JSON")?)
}

fn parse(set: &JwkSet) -> anyhow::Result<HashMap<String, DecodingKey>> {
    let mut by_id = HashMap::new();
    for jwk in &set.keys {
        let AlgorithmParameters::RSA(_) = &jwk.algorithm else { continue };
        let Some(id) = jwk.common.key_id.clone() else { continue };
        let replaced = by_id.insert(id, DecodingKey::from_jwk(jwk)?);
        ensure!(replaced.is_none(), "the key set has two keys of one id");
    }
    if by_id.is_empty() {
        return Err(anyhow!("the key set has no RSA key with an id"));
    }
    Ok(by_id)
}
