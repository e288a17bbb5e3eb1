//! A sign-in that goes on: what must come back, sealed in a cookie of this browser. So nothing is
//! kept for those who never come back, and an answer that another browser began is nobody's.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::Result;

use crate::model::LocalPath;
use crate::seal::{Seal, random};

const COOKIE: &str = "__Host-sign-in";
const SECONDS: i64 = 600;

#[derive(Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) return_to: LocalPath,
    until: i64,
}

impl Flow {
    pub(crate) fn begin(return_to: LocalPath, now: i64) -> Result<Self> {
        let one = || random::<32>().map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let (state, nonce, verifier) = (one()?, one()?, one()?);
        Ok(Self { state, nonce, verifier, return_to, until: now + SECONDS })
    }

    /// `Lax`: the issuer's redirect must bring it along.
    pub(crate) fn cookie(&self, seal: &Seal) -> Result<String> {
        let plain = serde_json::to_vec(self).map_err(anyhow::Error::from)?;
        let value = BASE64_URL_SAFE_NO_PAD.encode(seal.seal(COOKIE.as_bytes(), &plain)?);
        Ok(format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={SECONDS}"))
    }

    pub(crate) fn gone() -> String {
        format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    /// The one that this browser began, if it is not too long ago.
    pub(crate) fn of(headers: &HeaderMap, seal: &Seal, now: i64) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|c| c.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
        let flow: Self = serde_json::from_slice(&seal.open(COOKIE.as_bytes(), &sealed)?).ok()?;
        (flow.until >= now).then_some(flow)
    }
}
