//! Our token for the Management API: asked for once, for all functions, and kept encrypted.
//!
//! It lies in Redis under a key that follows from the client's secret: who can read it there can do
//! nothing with it, and who could decrypt it could have asked for one. One function asks while the
//! others wait. Without Redis each sandbox asks for its own, once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use serde::Deserialize;
use shared::config::{Management as Settings, Secret};
use shared::redis::{Gone, Key, Redis, System};
use shared::{Error, Result};
use tokio::time::sleep;

use super::Management;

/// Renewed this long before it ends.
const MARGIN: Duration = Duration::from_mins(1);
/// The one who asks has this long; then somebody else tries.
const LEASE: Duration = Duration::from_secs(25);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const SLOWEST: Duration = Duration::from_secs(2);
/// A Redis that does not answer for so long is taken for gone.
const GONE: Duration = Duration::from_secs(8);
/// Those who wait give up after this.
const PATIENCE: Duration = Duration::from_secs(40);

/// A token that was read from Redis is good for longer than this.
const TRUSTED: Duration = Duration::from_secs(30);

/// What this sandbox knows, and until when.
#[derive(Default)]
pub(super) struct Own(Mutex<Option<(String, Instant)>>);

impl Own {
    fn get(&self) -> Option<String> {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.as_ref().filter(|(_, until)| *until > Instant::now()).map(|(token, _)| token.clone())
    }

    fn set(&self, token: &str, life: Duration) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *own = Some((token.to_owned(), Instant::now() + life));
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

/// `refused`: the one we had was not taken.
pub(super) async fn token(
    management: &Management,
    redis: &Redis,
    refused: bool,
) -> Result<Secret<String>> {
    let (settings, own) = (&management.settings, &management.own);
    if !refused && let Some(token) = own.get() {
        return Ok(Secret::new(token));
    }
    let whose = format!("{} {}", settings.url, settings.client_id);
    let scope = Key::system(System::Management);
    let place = scope.key("token", &[&whose]);
    if refused {
        let _ = redis.forget(&place).await;
    }
    let started = Instant::now();
    let (mut gone, mut pause) = (None, LOOK_AGAIN);
    while gone.is_none_or(|since: Instant| since.elapsed() < GONE) {
        match redis.get(&place).await {
            Ok(Some(sealed)) => {
                if let Ok(token) = open(settings, sealed) {
                    own.set(&token, TRUSTED);
                    return Ok(Secret::new(token));
                }
                // Of another secret than ours, or not ours at all.
                let _ = redis.forget(&place).await;
            }
            Ok(None) => match redis.lock(&scope, &format!("token {whose}"), LEASE).await {
                Ok(Some(lock)) => {
                    let asked = ask(management).await;
                    if let Ok((token, life)) = &asked {
                        let _ = redis.set(&place, &seal(settings, token)?, *life).await;
                    }
                    let _ = redis.unlock(lock).await;
                    return asked.map(|(token, _)| Secret::new(token));
                }
                Ok(None) if started.elapsed() > PATIENCE => {
                    return Err(Error::Unavailable(anyhow!("nobody gets a token of the issuer")));
                }
                Ok(None) => gone = None,
                Err(Gone) => gone = gone.or(Some(Instant::now())),
            },
            Err(Gone) => gone = gone.or(Some(Instant::now())),
        }
        sleep(pause.mul_f64(1.0 + super::budget::random())).await;
        pause = (pause * 2).min(SLOWEST);
    }
    ask(management).await.map(|(token, _)| Secret::new(token))
}

async fn ask(management: &Management) -> Result<(String, Duration)> {
    let (settings, http) = (&management.settings, management.http()?);
    let base = settings.url.trim_end_matches('/');
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &settings.client_id),
        ("client_secret", settings.client_secret.expose()),
        ("audience", &settings.audience),
    ];
    let form = form.map(|(name, value)| format!("{name}={}", super::encoded(value))).join("&");
    let request = http.post(format!("{base}/oauth/token")).body(form);
    let kind = "application/x-www-form-urlencoded";
    let answer = request.header(reqwest::header::CONTENT_TYPE, kind).send().await;
    let answer = answer.map_err(|error| Error::Unavailable(error.into()))?;
    let status = answer.status();
    if !status.is_success() {
        // Its limits apply here too, and it says so as `access_denied`.
        return Err(Error::Unavailable(anyhow!("the issuer gave no token: {status}")));
    }
    let granted: Granted = answer.json().await.map_err(|e| Error::Unavailable(e.into()))?;
    let life = Duration::from_secs(granted.expires_in).saturating_sub(MARGIN);
    management.own.set(&granted.access_token, life);
    Ok((granted.access_token, life))
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        AES_256_GCM.key_len()
    }
}

fn key(settings: &Settings) -> anyhow::Result<RandomizedNonceKey> {
    let salt = Salt::new(HKDF_SHA256, settings.client_id.as_bytes());
    let secret = salt.extract(settings.client_secret.expose().as_bytes());
    let mut key = [0; 32];
    let filled = secret.expand(&[b"cadre management token 1"], Length);
    filled.and_then(|okm| okm.fill(&mut key)).map_err(|_| anyhow!("no key"))?;
    RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| anyhow!("no key"))
}

/// The nonce, then the token and its tag.
fn seal(settings: &Settings, token: &str) -> Result<Vec<u8>> {
    let mut text = token.as_bytes().to_vec();
    let nonce = key(settings)?.seal_in_place_append_tag(Aad::from(b"token"), &mut text);
    let nonce = nonce.map_err(|_| anyhow!("not sealed"))?;
    Ok([nonce.as_ref().as_slice(), &text].concat())
}

fn open(settings: &Settings, mut sealed: Vec<u8>) -> anyhow::Result<String> {
    anyhow::ensure!(sealed.len() > NONCE_LEN, "too short");
    let mut text = sealed.split_off(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(&sealed).map_err(|_| anyhow!("no nonce"))?;
    let opened = key(settings)?.open_in_place(nonce, Aad::from(b"token"), &mut text);
    Ok(std::str::from_utf8(opened.map_err(|_| anyhow!("not ours"))?)?.to_owned())
}

#[cfg(test)]
mod tests {
    use shared::config::{Management, Secret};

    use super::{open, seal};

    fn settings(secret: &str) -> Management {
        Management {
            url: "https://issuer.test/".into(),
            client_id: "us".into(),
            client_secret: Secret::new(secret.into()),
            audience: "https://issuer.test/api/v2/".into(),
            connection: "people".into(),
            per_second: 2.0,
            burst: 10.0,
        }
    }

    #[test]
    fn a40_the_kept_token_is_encrypted_and_opens_with_our_secret_only() {
        let sealed = seal(&settings("one"), "the token").unwrap();
        assert!(!sealed.windows(9).any(|window| window == b"the token"));
        assert_eq!(open(&settings("one"), sealed.clone()).unwrap(), "the token");
        assert!(open(&settings("two"), sealed.clone()).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&settings("one"), changed).is_err(), "byte {at}");
        }
        assert!(open(&settings("one"), vec![0; 5]).is_err());
    }
}
