//! The issuer, as a client sees it: where a person is sent, and what is exchanged behind their back.

use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use shared::config::SignIn;
use shared::{Error, Result};

use crate::flow::Flow;

const PATIENCE: Duration = Duration::from_secs(5);
const LARGEST_ANSWER: usize = 64 * 1024;
const SCOPE: &str = "openid profile email offline_access";

#[derive(Deserialize)]
pub(crate) struct Tokens {
    #[serde(rename = "access_token")]
    pub(crate) access: String,
    /// Not in the answer to a refresh of every issuer.
    #[serde(rename = "id_token")]
    pub(crate) identity: Option<String>,
    #[serde(rename = "refresh_token")]
    pub(crate) refresh: Option<String>,
}

/// The issuer said no for good: this code or this refresh token is worth nothing.
pub(crate) enum Answer {
    Given(Box<Tokens>),
    Refused,
}

/// What a sign-in may ask for beyond the usual.
pub(crate) struct Wish<'a> {
    pub(crate) max_age: u32,
    pub(crate) acr_values: Option<&'a str>,
    pub(crate) organization: Option<&'a str>,
}

fn callback(settings: &SignIn) -> String {
    format!("{}/auth/callback", settings.public_url)
}

/// Where the person is sent to show who they are.
pub(crate) fn authorize(settings: &SignIn, flow: &Flow, wish: &Wish<'_>) -> Result<String> {
    let challenge = digest(&SHA256, flow.verifier.as_bytes());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(challenge);
    let (callback, age) = (callback(settings), wish.max_age.to_string());
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", settings.client_id.as_str()),
        ("redirect_uri", &callback),
        ("scope", SCOPE),
        ("audience", &settings.audience),
        ("state", &flow.state),
        ("nonce", &flow.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("max_age", &age),
    ];
    query.extend(wish.acr_values.map(|values| ("acr_values", values)));
    query.extend(wish.organization.map(|organization| ("organization", organization)));
    let query = serde_urlencoded::to_string(query).map_err(anyhow::Error::from)?;
    Ok(format!("{}authorize?{query}", settings.issuer))
}

/// Where the person is sent to be signed out there too.
pub(crate) fn farewell(settings: &SignIn) -> Result<String> {
    let back = format!("{}/account", settings.public_url);
    let query = [("client_id", settings.client_id.as_str()), ("returnTo", &back)];
    let query = serde_urlencoded::to_string(query).map_err(anyhow::Error::from)?;
    Ok(format!("{}v2/logout?{query}", settings.issuer))
}

pub(crate) async fn exchange(settings: &SignIn, code: &str, verifier: &str) -> Result<Answer> {
    let callback = callback(settings);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", &callback),
    ];
    token(settings, &form).await
}

pub(crate) async fn refresh(settings: &SignIn, token_: &str) -> Result<Answer> {
    token(settings, &[("grant_type", "refresh_token"), ("refresh_token", token_)]).await
}

/// Best effort: a session that is ended here is ended, whether the issuer hears of it or not.
pub(crate) async fn revoke(settings: &SignIn, token: &str) {
    if let Err(error) = post(settings, "oauth/revoke", &[("token", token)]).await {
        tracing::warn!(%error, "the issuer did not take a refresh token back");
    }
}

async fn token(settings: &SignIn, form: &[(&str, &str)]) -> Result<Answer> {
    let (status, body) = post(settings, "oauth/token", form).await.map_err(Error::Unavailable)?;
    match status {
        StatusCode::OK => {
            let tokens = serde_json::from_slice(&body).context("the issuer's tokens");
            Ok(Answer::Given(Box::new(tokens.map_err(Error::Unavailable)?)))
        }
        // A wrong client secret is ours to repair; what else is refused is the person's to try again.
        StatusCode::UNAUTHORIZED
            if names(&body, "access_denied") || names(&body, "invalid_client") =>
        {
            Err(Error::Internal(anyhow!("the issuer does not know us: AUTH_CLIENT_SECRET?")))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Ok(Answer::Refused)
        }
        other => Err(Error::Unavailable(anyhow!("the issuer answers {other}"))),
    }
}

fn names(body: &[u8], error: &str) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"] == error
}

async fn post(
    settings: &SignIn,
    path: &str,
    form: &[(&str, &str)],
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()?;
    let request = client
        .post(format!("{}{path}", settings.issuer))
        .basic_auth(&settings.client_id, Some(settings.client_secret.expose()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(serde_urlencoded::to_string(form)?);
    let mut answer = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        ensure!(body.len() <= LARGEST_ANSWER, "the issuer's answer is over {LARGEST_ANSWER} bytes");
    }
    Ok((answer.status(), body))
}
