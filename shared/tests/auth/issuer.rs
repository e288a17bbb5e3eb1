//! An issuer that does as it is told, a clock that stands still, and keys made at run time.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::bail;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use shared::auth::{AuthError, Caller, Clock, Fetch, Verifier};
use shared::config::{Auth, Clients};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://issuer.test/";
pub(crate) const AUDIENCE: &str = "https://api.test";

pub(crate) struct Key(KeyPair);

/// One of three, made once for each process.
pub(crate) fn key(n: usize) -> &'static Key {
    static KEYS: [OnceLock<Key>; 3] = [const { OnceLock::new() }; 3];
    KEYS[n].get_or_init(|| Key(KeyPair::generate(KeySize::Rsa2048).unwrap()))
}

impl Key {
    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.0.public_key().modulus().big_endian_without_leading_zero().to_vec()
    }

    /// The public half in DER.
    pub(crate) fn der(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        let n = URL_SAFE_NO_PAD.encode(self.modulus());
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": "AQAB" })
    }

    /// Any texts as header and payload, truly signed: by SHA-512 if the header says RS512.
    pub(crate) fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let (header, payload) = (header.as_ref(), payload.as_ref());
        let strong = header.windows(5).any(|window| window == b"RS512");
        let algorithm = if strong { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
        self.signed(&unsigned(header, payload), algorithm)
    }

    /// Any two parts, whatever they are.
    pub(crate) fn signed(
        &self,
        text: &str,
        algorithm: &'static dyn aws_lc_rs::signature::RsaEncoding,
    ) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(algorithm, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

pub(crate) fn unsigned(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// Clocks that go when they are told to.
#[derive(Default)]
pub(crate) struct Hands {
    wall: AtomicI64,
    steady: AtomicU64,
}

impl Hands {
    pub(crate) fn set(&self, wall: i64) {
        self.wall.store(wall, Ordering::SeqCst);
    }

    /// Both, as time does.
    pub(crate) fn pass(&self, time: Duration) {
        self.wall.fetch_add(time.as_secs().cast_signed(), Ordering::SeqCst);
        self.steady.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn wall(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.steady.load(Ordering::SeqCst))
    }
}

/// What the issuer answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Body(Vec<u8>),
    /// Only after a while.
    Slow(Duration, Vec<u8>),
    Fails,
    Hangs,
}

/// The network: answers by address, and counts who asks.
#[derive(Default)]
pub(crate) struct Wire {
    answers: Mutex<HashMap<String, Answer>>,
    asked: AtomicUsize,
}

impl Wire {
    pub(crate) fn answer(&self, url: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Fetch for Wire {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, anyhow::Result<Vec<u8>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().get(url).cloned();
        async move {
            match answer {
                Some(Answer::Body(body)) => Ok(body),
                Some(Answer::Slow(time, body)) => {
                    tokio::time::sleep(time).await;
                    Ok(body)
                }
                Some(Answer::Hangs) => pending().await,
                Some(Answer::Fails) | None => bail!("nobody answers at {url}"),
            }
        }
        .boxed()
    }
}

/// An issuer, and a verifier that trusts it.
pub(crate) struct Issuer {
    pub(crate) hands: Arc<Hands>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) verifier: Verifier,
}

pub(crate) fn settings(issuer: &str) -> Auth {
    Auth {
        issuer: issuer.into(),
        audience: AUDIENCE.into(),
        jwks_url: format!("{issuer}keys"),
        clients: Clients::all(),
        leeway_seconds: 30,
    }
}

pub(crate) fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

impl Issuer {
    /// With one key, `one`.
    pub(crate) fn new() -> Self {
        Self::trusted(vec![settings(ISSUER)])
    }

    pub(crate) fn trusted(all: Vec<Auth>) -> Self {
        let (hands, wire) = (Arc::new(Hands::default()), Arc::new(Wire::default()));
        hands.pass(Duration::from_secs(NOW.cast_unsigned()));
        let clock: Arc<dyn Clock> = hands.clone();
        let fetch: Arc<dyn Fetch> = wire.clone();
        let issuer = Self { hands, wire, verifier: Verifier::with(all, clock, &fetch) };
        issuer.serves(&[key(0).jwk("one")]);
        issuer
    }

    pub(crate) fn serves(&self, keys: &[Value]) {
        self.answers(Answer::Body(set(keys)));
    }

    pub(crate) fn answers(&self, answer: Answer) {
        self.wire.answer(&format!("{ISSUER}keys"), answer);
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        self.verifier.verify(token).await
    }

    /// Why this is refused; a test that is let in fails.
    pub(crate) async fn refused(&self, token: &str) -> AuthError {
        match self.verify(token).await {
            Err(reason) => reason,
            Ok(caller) => panic!("let in: {caller:?}"),
        }
    }
}

pub(crate) const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"one"}"#;

pub(crate) fn header(id: &str) -> String {
    json!({ "alg": "RS256", "typ": "JWT", "kid": id }).to_string()
}

/// What an honest issuer writes now.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": [AUDIENCE, "https://issuer.test/userinfo"], "sub": "auth0|ada",
        "azp": "spa", "org_id": "org_1", "iat": NOW, "exp": NOW + 600, "jti": "t-1",
        "scope": "openid profile", "permissions": ["agents:read", "agents:write", "runs:read"],
    })
}

/// The same with this changed; null takes it away.
pub(crate) fn with(changes: Value) -> Value {
    let mut all = claims();
    let map = all.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    map.extend(changes);
    map.retain(|_, value| !value.is_null());
    all
}

/// Signed by the key that the issuer serves as `one`.
pub(crate) fn token(claims: &Value) -> String {
    key(0).sign(HEADER, claims.to_string())
}

pub(crate) fn good() -> String {
    token(&claims())
}
