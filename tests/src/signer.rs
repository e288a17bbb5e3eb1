//! An issuer of tokens: a key of its own, served as a key set on loopback, as the real one is.

use std::fs;
use std::path::PathBuf;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use shared::config;

const AUDIENCE: &str = "https://api.test";
const KEY_ID: &str = "test-key";

pub struct Signer {
    key: EncodingKey,
    pub issuer: String,
}

impl Signer {
    /// Must be called within a runtime, which then serves the key set.
    pub fn start() -> Self {
        let der = private_key();
        let pair = KeyPair::from_der(&pkcs1(&der)).or_else(|_| KeyPair::from_pkcs8(&der));
        let public = pair.expect("an RSA key");
        let public = public.public_key();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let modulus = text(public.modulus().big_endian_without_leading_zero());
        let exponent = text(public.exponent().big_endian_without_leading_zero());
        let set = json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": modulus, "e": exponent,
        }] });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).unwrap();
        let issuer = format!("http://{}/", listener.local_addr().unwrap());
        let keys = axum::routing::get(move || async move { axum::Json(set) });
        let router = axum::Router::new().route("/.well-known/jwks.json", keys);
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { key: EncodingKey::from_rsa_der(&pkcs1(&der)), issuer }
    }

    pub fn settings(&self) -> config::Auth {
        let jwks_url = format!("{}.well-known/jwks.json", self.issuer);
        crate::issuer(&self.issuer, AUDIENCE, &jwks_url)
    }

    /// A token with the usual claims, changed by `claims`; a null claim is left out.
    pub fn token(&self, claims: &Value) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut all = json!({
            "iss": self.issuer, "aud": [AUDIENCE, "https://issuer.test/userinfo"],
            "iat": now, "exp": now + 600, "azp": "test-client",
        });
        let all_claims = all.as_object_mut().unwrap();
        for (name, value) in claims.as_object().unwrap() {
            all_claims.insert(name.clone(), value.clone());
        }
        all_claims.retain(|_, value| !value.is_null());
        self.sign(&all)
    }

    /// What a process must be told, to trust this issuer.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let auth = self.settings();
        [
            ("AUTH_ISSUER", auth.issuer),
            ("AUTH_AUDIENCE", auth.audience),
            ("AUTH_JWKS_URL", auth.jwks_url),
            ("AUTH_CLIENTS", crate::ANY_CLIENT.into()),
        ]
    }

    /// Exactly these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(KEY_ID.into()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.key).expect("a token")
    }
}

/// Made once for all test processes: a 2048-bit key takes a noticeable part of a second.
fn private_key() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.local/test-key.der");
    if let Ok(der) = fs::read(&path) {
        return der;
    }
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der = pair.as_der().expect("its encoding").as_ref().to_vec();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Two processes may both make one; the last to be moved into place stays, and is whole.
    let mine = path.with_extension(std::process::id().to_string());
    fs::write(&mine, &der).unwrap();
    fs::rename(&mine, &path).unwrap();
    fs::read(&path).unwrap()
}

/// The PKCS#1 key within a PKCS#8 one: what follows the fixed header and its length.
fn pkcs1(pkcs8: &[u8]) -> Vec<u8> {
    let start = pkcs8.windows(2).skip(20).position(|pair| pair == [0x30, 0x82]).map(|at| at + 20);
    pkcs8[start.expect("an inner sequence")..].to_vec()
}
