//! The issuer: where its pages are, and a token for a code.

use std::fs::File;
use std::io::Read;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::http::{Ask, Sender};
use crate::settings::{address, is_token};

pub(super) struct Issuer {
    /// Its exact `iss`.
    pub(super) name: String,
    authorization_endpoint: String,
    token_endpoint: String,
    sender: Sender,
}

/// What is asked of the issuer, and what its answer is known by.
pub(super) struct Asked {
    pub(super) client_id: String,
    pub(super) audience: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) redirect: String,
    pub(super) state: String,
    pub(super) verifier: String,
}

#[derive(Deserialize)]
pub(super) struct Token {
    #[serde(rename = "access_token")]
    pub(super) access: String,
    #[serde(rename = "token_type")]
    kind: String,
    pub(super) expires_in: Option<i64>,
}

impl Issuer {
    pub(super) fn find(name: &str, sender: Sender) -> Result<Self> {
        #[derive(Deserialize)]
        struct Configuration {
            issuer: String,
            authorization_endpoint: String,
            token_endpoint: String,
        }
        let url = format!("{}/.well-known/openid-configuration", address(name)?);
        let found = sender.json(&Ask { method: "GET", url: &url, body: None, key: None });
        let found = found.map_err(|failure| failure.next("is --issuer right?"))?;
        let found: Configuration = serde_json::from_value(found)
            .map_err(|error| Failure::new(format!("{url} is no OpenID configuration: {error}")))?;
        if found.issuer.trim_end_matches('/') != name.trim_end_matches('/') {
            return Err(Failure::new(format!("{name} says it is {}", found.issuer))
                .next("give --issuer as it names itself, if you trust that"));
        }
        address(&found.authorization_endpoint)?;
        address(&found.token_endpoint)?;
        Ok(Self {
            name: found.issuer,
            authorization_endpoint: found.authorization_endpoint,
            token_endpoint: found.token_endpoint,
            sender,
        })
    }

    /// What the person opens.
    pub(super) fn page(&self, asked: &Asked) -> Result<String> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&asked.verifier));
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", asked.client_id.as_str()),
            ("redirect_uri", &asked.redirect),
            ("scope", "openid"),
            ("state", &asked.state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        query.extend(asked.audience.as_deref().map(|audience| ("audience", audience)));
        query.extend(asked.organization.as_deref().map(|id| ("organization", id)));
        Ok(format!("{}?{}", self.authorization_endpoint, encode(&query)?))
    }

    /// A code is good once, so this is not tried again.
    pub(super) fn token(&self, asked: &Asked, code: &str) -> Result<Token> {
        let form = encode(&[
            ("grant_type", "authorization_code"),
            ("client_id", &asked.client_id),
            ("code", code),
            ("redirect_uri", &asked.redirect),
            ("code_verifier", &asked.verifier),
        ])?;
        let body = Some(("application/x-www-form-urlencoded", form.as_bytes()));
        let ask = Ask { method: "POST", url: &self.token_endpoint, body, key: None };
        let answer = self.sender.json(&ask).map_err(|failure| failure.next("cadre login"))?;
        // serde's own words could repeat a part of the token.
        let unusable = || Failure::new(format!("{} gave no token of the kind Bearer", self.name));
        let token: Token = serde_json::from_value(answer).map_err(|_| unusable())?;
        let bearer = token.kind.eq_ignore_ascii_case("bearer");
        let usable = bearer && is_token(&token.access);
        if usable { Ok(token) } else { Err(unusable()) }
    }
}

fn encode(pairs: &[(&str, &str)]) -> Result<String> {
    serde_urlencoded::to_string(pairs).map_err(Failure::new)
}

/// 256 bits of the operating system, as text.
pub(super) fn random() -> Result<String> {
    let mut bytes = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Failure::new(format!("no random numbers: {error}")))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
