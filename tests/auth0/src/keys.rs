//! The signing keys: current and next are always published, the previous until it is revoked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) struct Keys {
    current: Key,
    next: Key,
    /// Newest first; of which those that are not revoked are published.
    previous: Vec<Key>,
    file: Option<PathBuf>,
}

struct Key {
    pair: RsaKeyPair,
    der: Vec<u8>,
    id: String,
    revoked: bool,
}

impl Keys {
    pub(crate) fn open(file: Option<&Path>) -> Result<Self> {
        let kept = file.and_then(|file| fs::read(file).ok());
        let keys: Option<Vec<String>> = kept.and_then(|text| serde_json::from_slice(&text).ok());
        let keys = keys.unwrap_or_default();
        let mut kept = keys.iter().map(|text| Key::read(text));
        let mut one = || kept.next().unwrap_or_else(Key::new);
        let (current, next) = (one()?, one()?);
        let this = Self { current, next, previous: Vec::new(), file: file.map(Into::into) };
        if keys.len() < 2 {
            this.keep()?;
        }
        Ok(this)
    }

    fn keep(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = [&self.current, &self.next].map(|key| BASE64_STANDARD.encode(&key.der));
        // Two tests may both make one; the last to be moved into place stays, and is whole.
        let fresh = file.with_extension(uuid::Uuid::now_v7().to_string());
        fs::write(&fresh, serde_json::to_vec(&text)?)?;
        let only_us = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&fresh, only_us)?;
        Ok(fs::rename(fresh, file)?)
    }

    /// What is published.
    pub(crate) fn set(&self) -> Value {
        let previous = self.previous.iter().filter(|key| !key.revoked);
        let keys = [&self.current, &self.next].into_iter().chain(previous).map(Key::public);
        json!({ "keys": keys.collect::<Vec<_>>() })
    }

    /// As `/api/v2/keys/signing` tells of them.
    pub(crate) fn list(&self) -> Vec<Value> {
        let told = |key: &Key, role: &str| {
            let mut told = json!({ "kid": key.id, "cert": "", "fingerprint": key.id });
            told[role] = true.into();
            told["revoked"] = key.revoked.into();
            told
        };
        let mut all = vec![told(&self.next, "next"), told(&self.current, "current")];
        all.extend(self.previous.iter().map(|key| told(key, "previous")));
        all
    }

    /// The next key signs from now on; the one that signed is still published. Returns its id.
    pub(crate) fn rotate(&mut self) -> Result<String> {
        let current = std::mem::replace(&mut self.next, Key::new()?);
        let previous = std::mem::replace(&mut self.current, current);
        self.previous.insert(0, previous);
        self.keep()?;
        Ok(self.current.id.clone())
    }

    /// `None` when there is no such key; an error when it signs.
    pub(crate) fn revoke(&mut self, id: &str) -> Option<Result<()>> {
        if self.current.id == id || self.next.id == id {
            return Some(Err(anyhow!("The key is in use: rotate first")));
        }
        let key = self.previous.iter_mut().find(|key| key.id == id)?;
        key.revoked = true;
        Some(Ok(()))
    }

    pub(crate) fn sign(&self, kind: &str, claims: &Value) -> String {
        self.current.sign(kind, claims)
    }

    /// With the next key, before its time: a verifier that read it must accept it.
    pub(crate) fn sign_with_next(&self, claims: &Value) -> String {
        self.next.sign("JWT", claims)
    }
}

impl Key {
    fn new() -> Result<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).context("a key")?;
        Self::of(pair)
    }

    fn read(text: &str) -> Result<Self> {
        let der = BASE64_STANDARD.decode(text)?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|why| anyhow!("not a key: {why}"))?;
        Self::of(pair)
    }

    fn of(pair: RsaKeyPair) -> Result<Self> {
        let der: Pkcs8V1Der<'_> = pair.as_der().context("its encoding")?;
        let der = der.as_ref().to_vec();
        let digest = Sha256::digest(pair.public_key().as_ref());
        let id = URL_SAFE.encode(digest).chars().take(21).collect();
        Ok(Self { pair, der, id, revoked: false })
    }

    fn public(&self) -> Value {
        let public = self.pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero();
        let exponent = public.exponent().big_endian_without_leading_zero();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": URL_SAFE.encode(modulus), "e": URL_SAFE.encode(exponent),
        })
    }

    fn sign(&self, kind: &str, claims: &Value) -> String {
        let header = json!({ "alg": "RS256", "typ": kind, "kid": self.id });
        let part = |value: &Value| URL_SAFE.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // A key that was just made or read can sign.
        let _ = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        );
        format!("{signed}.{}", URL_SAFE.encode(signature))
    }
}
