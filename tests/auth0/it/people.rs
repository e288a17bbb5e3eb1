//! People sign in, and what they are given rotates.

use auth0::{Auth0, OTP, PASSWORD};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{browser, claims, post, start};

const BACK: &str = "http://localhost/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rule-0123";

fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The address of `/authorize` for the client `web`, with these changes.
fn authorize(auth0: &Auth0, changed: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut query = vec![
        ("client_id", "web"),
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", "openid profile email offline_access"),
        ("audience", "https://api.cadre.local"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changed {
        query.retain(|(other, _)| other != name);
        query.push((name, value));
    }
    format!("{}authorize?{}", auth0.issuer, serde_urlencoded::to_string(query).unwrap())
}

async fn location(request: reqwest::RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// Where the person is sent in the end.
async fn sign_in(auth0: &Auth0, changed: &[(&str, &str)]) -> String {
    let origin = auth0.issuer.trim_end_matches('/');
    let mut at = location(browser().get(authorize(auth0, changed))).await;
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for fields in
        [[("username", "ada@example.test"), ("password", PASSWORD)], [("code", OTP), ("", "")]]
    {
        if at.starts_with(BACK) {
            break;
        }
        let body = serde_urlencoded::to_string(fields).unwrap();
        let sent = browser().post(format!("{origin}{at}")).header(kind.0, kind.1).body(body);
        at = location(sent).await;
    }
    at
}

fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value).unwrap_or_default()
}

async fn exchange(auth0: &Auth0, code: &str, verifier: &str, back: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("client_secret", "web-secret"),
        ("code", code),
        ("code_verifier", verifier),
        ("redirect_uri", back),
    ];
    post(auth0, &form).await
}

async fn refresh(auth0: &Auth0, token: &Value) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "web"),
        ("client_secret", "web-secret"),
        ("refresh_token", token.as_str().unwrap()),
    ];
    post(auth0, &form).await
}

#[tokio::test]
async fn a_person_signs_in_and_the_tokens_say_what_auth0s_say() {
    let auth0 = start();
    let back = sign_in(&auth0, &[]).await;
    assert_eq!(parameter(&back, "state"), "s");
    assert_eq!(parameter(&back, "iss"), auth0.issuer);
    let (status, tokens) = exchange(&auth0, &parameter(&back, "code"), VERIFIER, BACK).await;
    assert_eq!(status, 200, "{tokens}");
    let access = claims(&tokens["access_token"]);
    assert_eq!(access["sub"], "auth0|ada");
    assert_eq!(access["org_id"], "org_demo");
    assert_eq!(access["azp"], "web");
    assert_eq!(access["aud"][1], format!("{}userinfo", auth0.issuer));
    assert_eq!(access["permissions"][0], "agents:read");
    let identity = claims(&tokens["id_token"]);
    assert_eq!((&identity["aud"], &identity["nonce"]), (&"web".into(), &"n".into()));
    assert!(identity.get("auth_time").is_none(), "nobody asked for an age");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_told_of() {
    let auth0 = start();
    let asked = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";
    let back = sign_in(&auth0, &[("acr_values", asked), ("max_age", "0")]).await;
    let (_, tokens) = exchange(&auth0, &parameter(&back, "code"), VERIFIER, BACK).await;
    let identity = claims(&tokens["id_token"]);
    assert_eq!(identity["amr"][1], "mfa");
    assert_eq!(identity["acr"], asked);
    assert!(identity["auth_time"].is_i64());
}

#[tokio::test]
async fn what_a_client_may_not_do_is_refused() {
    let auth0 = start();
    let unknown = authorize(&auth0, &[("redirect_uri", "http://localhost/callback/")]);
    let answer = browser().get(unknown).send().await.unwrap();
    assert_eq!(answer.status(), 403, "never a redirect to an address that is not registered");
    for changed in [("code_challenge_method", "plain"), ("code_challenge", "")] {
        let back = location(browser().get(authorize(&auth0, &[changed]))).await;
        assert_eq!(parameter(&back, "error"), "invalid_request", "{changed:?}");
    }
    let none = location(browser().get(authorize(&auth0, &[("prompt", "none")]))).await;
    assert_eq!(parameter(&none, "error"), "login_required");

    let code = parameter(&sign_in(&auth0, &[]).await, "code");
    for (verifier, back) in [("another", BACK), (VERIFIER, "http://localhost/other")] {
        let (status, error) = exchange(&auth0, &code, verifier, back).await;
        assert_eq!((status, &error["error"]), (403, &"invalid_grant".into()));
    }
    let form = [("grant_type", "client_credentials"), ("client_id", "machine")];
    assert_eq!(post(&auth0, &form).await.0, 401, "without its secret");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_replay_ends_the_family() {
    let auth0 = start();
    let code = parameter(&sign_in(&auth0, &[]).await, "code");
    let (_, first) = exchange(&auth0, &code, VERIFIER, BACK).await;
    let (status, second) = refresh(&auth0, &first["refresh_token"]).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(refresh(&auth0, &first["refresh_token"]).await.0, 403, "it was used");
    assert_eq!(refresh(&auth0, &second["refresh_token"]).await.0, 403, "the family is over");
    let (status, _) = refresh(&auth0, &"garbage".into()).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_code_is_good_once_and_its_replay_ends_what_it_gave() {
    let auth0 = start();
    let code = parameter(&sign_in(&auth0, &[]).await, "code");
    let (_, tokens) = exchange(&auth0, &code, VERIFIER, BACK).await;
    assert_eq!(exchange(&auth0, &code, VERIFIER, BACK).await.0, 403);
    assert_eq!(refresh(&auth0, &tokens["refresh_token"]).await.0, 403);
}
