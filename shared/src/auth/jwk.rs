//! Which keys of an issuer's key set we verify with. A set that is wrong as a whole is refused, so
//! that the one before it stays; a key that is not for us is dropped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;

use super::form::is_key_id;
use super::json::{Json, Object};
use crate::config;

/// Names of a JWK's private half, and of a shared secret.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const EXPONENT: [u8; 3] = [1, 0, 1];

#[derive(Default)]
pub(super) struct KeySet {
    by_id: HashMap<String, Arc<DecodingKey>>,
    /// How many were not for us.
    pub(super) dropped: usize,
}

impl KeySet {
    pub(super) fn get(&self, id: &str) -> Option<Arc<DecodingKey>> {
        self.by_id.get(id).cloned()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let set = Object::read(bytes).context("the key set is not strict JSON")?;
        let Some(Json::List(keys)) = set.get("keys") else {
            bail!("the key set has no list `keys`")
        };
        let mut read = Self::default();
        let mut ids = HashSet::new();
        for key in keys {
            let Json::Object(key) = key else { bail!("a key is not an object") };
            // Who can read it can sign: nothing in such a set is worth trusting.
            let private = PRIVATE.iter().find(|name| key.has(name));
            ensure!(private.is_none(), "the key set holds a private key or a secret");
            let id = key.get("kid").and_then(Json::text);
            if let Some(id) = id {
                ensure!(ids.insert(id), "two keys of the set have one id");
            }
            match (id.filter(|id| is_key_id(id)), modulus(key)) {
                (Some(id), Some(n)) => {
                    let key = DecodingKey::from_rsa_raw_components(&n, &EXPONENT);
                    read.by_id.insert(id.to_owned(), Arc::new(key));
                }
                _ => read.dropped += 1,
            }
        }
        ensure!(!read.by_id.is_empty(), "the key set has no key that we may use");
        Ok(read)
    }
}

/// The modulus of an RSA key that is meant and fit for verifying RS256.
fn modulus(key: &Object<'_>) -> Option<Vec<u8>> {
    let is = |name, wanted: &[&str]| match key.get(name) {
        None => true,
        Some(value) => value.text().is_some_and(|value| wanted.contains(&value)),
    };
    let verifies = match key.get("key_ops") {
        None => true,
        Some(operations) => operations.texts().is_some_and(|all| all.contains(&"verify")),
    };
    let fits = key.has("kty")
        && is("kty", &["RSA"])
        && is("use", &["sig"])
        && is("alg", &config::TOKEN_ALGORITHMS)
        && verifies
        && bytes(key, "e")? == EXPONENT;
    let n = bytes(key, "n").filter(|_| fits)?;
    let odd = n.last()? & 1 == 1;
    let bits = n.len() * 8 - usize::try_from(n.first()?.leading_zeros()).ok()?;
    (odd && *n.first()? != 0 && BITS.contains(&bits) && !has_roca(&n)).then_some(n)
}

fn bytes(key: &Object<'_>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(key.get(name)?.text()?).ok()
}

/// The fingerprint of keys that a faulty chip made (CVE-2017-15361): their modulus is a power of
/// 65537 modulo each small prime, which no other key is.
fn has_roca(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|&prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65_537 % prime));
        powers.take(prime as usize).any(|power| power == rest)
    })
}
