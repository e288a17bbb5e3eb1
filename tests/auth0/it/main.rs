//! The stand-in is what others are tried against: what it must get right is tried here.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod management;
mod people;

use auth0::{Auth0, Settings};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

fn start() -> Auth0 {
    Auth0::start(Settings {
        callbacks: vec!["http://localhost/callback".into()],
        permissions: vec!["agents:read".into(), "agents:write".into()],
        ..Settings::default()
    })
    .unwrap()
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).build().unwrap()
}

/// The claims of a token; whether it is signed is another's business.
fn claims(token: &Value) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn post(auth0: &Auth0, form: &[(&str, &str)]) -> (u16, Value) {
    let body = serde_urlencoded::to_string(form).unwrap();
    let request = browser().post(format!("{}oauth/token", auth0.issuer)).body(body);
    let kind = "application/x-www-form-urlencoded";
    let answer = request.header("content-type", kind).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(json!(null)))
}
