//! SHA-256 as lower-case hexadecimal: how definitions, documents and requests are told apart.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Of a value's JSON; equal values have equal digests because maps are ordered.
pub fn of<T: Serialize>(value: &T) -> crate::Result<String> {
    let bytes = serde_json::to_vec(value).map_err(anyhow::Error::from)?;
    Ok(sha256(&bytes))
}
