//! A key pair of a test's own: to forge with, and for issuers that misbehave.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub(crate) struct Key(KeyPair);

impl Key {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// Its public half, as an issuer serves it.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        let public = self.0.public_key();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let modulus = text(public.modulus().big_endian_without_leading_zero());
        let exponent = text(public.exponent().big_endian_without_leading_zero());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": modulus, "e": exponent,
        })
    }

    /// What a forger takes for a shared secret.
    pub(crate) fn public_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// A token as an honest issuer makes it.
    pub(crate) fn token(&self, id: &str, claims: &Value) -> String {
        self.sign(&json!({ "alg": "RS256", "typ": "JWT", "kid": id }), claims)
    }

    /// A token with any header: truly signed by RSA, with SHA-512 if the header says so.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let algorithm =
            if header["alg"] == "RS512" { &RSA_PKCS1_SHA512 } else { &RSA_PKCS1_SHA256 };
        let text = unsigned(header, claims);
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(algorithm, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The part of a token that is signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
