//! The form of a token and what its header asks for, judged before any key is looked for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AuthError;
use super::json::Object;
use crate::config;

/// Longest token and longest header, decoded; checked before anything is decoded.
const LONGEST_TOKEN: usize = 8 * 1024;
const LONGEST_HEADER: usize = 1024;
const LONGEST_KEY_ID: usize = 128;
/// Asks for what we do not do, or for what changes the meaning of the rest.
const REFUSED: [&str; 4] = ["crit", "b64", "zip", "enc"];

/// The parts of a token in the right form. `jku`, `x5u`, `jwk` and `x5c` are never looked at: a
/// key that comes with a token is nobody's key.
#[derive(Debug)]
pub(super) struct Form<'a> {
    pub(super) key_id: String,
    pub(super) payload: Vec<u8>,
    pub(super) signed: &'a [u8],
    pub(super) signature: &'a str,
}

pub(super) fn of(token: &str) -> Result<Form<'_>, AuthError> {
    if token.len() > LONGEST_TOKEN {
        return Err(AuthError::TooLarge);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(AuthError::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(AuthError::Form)?;
    if [header, payload, signature].iter().any(|part| part.is_empty() || part.contains('.')) {
        return Err(AuthError::Form);
    }
    if header.len() > LONGEST_HEADER.div_ceil(3) * 4 {
        return Err(AuthError::TooLarge);
    }
    let key_id = key_id(&decoded(header)?)?;
    let payload = decoded(payload)?;
    Ok(Form { key_id, payload, signed: signed.as_bytes(), signature })
}

/// Canonical and without padding: one spelling for one value.
fn decoded(part: &str) -> Result<Vec<u8>, AuthError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Form)
}

fn key_id(header: &[u8]) -> Result<String, AuthError> {
    if header.len() > LONGEST_HEADER {
        return Err(AuthError::TooLarge);
    }
    let header = Object::read(header).ok_or(AuthError::Json)?;
    let alg = header.get("alg").and_then(|alg| alg.text());
    if !alg.is_some_and(|alg| config::TOKEN_ALGORITHMS.contains(&alg)) {
        return Err(AuthError::AlgNotAllowed);
    }
    if REFUSED.iter().any(|name| header.has(name)) {
        return Err(AuthError::HeaderParameter);
    }
    // RFC 9068 says `at+jwt`, Auth0 says `JWT` unless told otherwise, RFC 7519 lets it be left out.
    if header.get("typ").is_some_and(|typ| !matches!(typ.text(), Some("JWT" | "at+jwt"))) {
        return Err(AuthError::TypNotAllowed);
    }
    let id = header.get("kid").and_then(|id| id.text()).ok_or(AuthError::KeyId)?;
    if is_key_id(id) { Ok(id.to_owned()) } else { Err(AuthError::KeyId) }
}

/// A name in a map and nothing else; what could be part of a path, a statement or a log line is none.
pub(super) fn is_key_id(id: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"_-.=".contains(&b);
    (1..=LONGEST_KEY_ID).contains(&id.len()) && id.bytes().all(known)
}
