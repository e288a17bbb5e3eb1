//! Tokens and key sets: what counts as proof, and what happens while the issuer is away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Result;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use shared::app::Parts;
use shared::auth::Verifier;
use shared::config::{Clients, Names};
use shared::db::Db;
use shared::gate::Gate;
use shared::{App, config};
use tower::ServiceExt;

use crate::key::{Key, unsigned};

const AUDIENCE: &str = "https://api.test";

fn settings(issuer: &str, jwks_url: String) -> config::Auth {
    let people = Names(vec!["spa".into(), "console".into()]);
    let clients = Clients { people, machines: Names(vec!["robot".into()]), admin: Names(vec![]) };
    let audience = AUDIENCE.into();
    config::Auth { issuer: issuer.into(), audience, jwks_url, clients, leeway_seconds: 30 }
}

/// An issuer that counts who asks for its keys, and can go away.
struct Issuer {
    key: Key,
    url: String,
    asked: Arc<AtomicUsize>,
    away: Arc<AtomicBool>,
    router: axum::Router,
}

impl Issuer {
    fn start() -> Result<Self> {
        Self::serving(|key| json!({ "keys": [key.jwk("one")] }).to_string())
    }

    /// With this for a key set.
    fn serving(set: impl Fn(&Key) -> String) -> Result<Self> {
        let key = Key::new();
        let set = set(&key);
        let (asked, away) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, gone) = (Arc::clone(&asked), Arc::clone(&away));
        let keys = axum::routing::get(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let gone = gone.load(Ordering::SeqCst);
            let answer = if gone {
                StatusCode::BAD_GATEWAY.into_response()
            } else {
                set.clone().into_response()
            };
            async move { answer }
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/", listener.local_addr()?);
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let server = axum::Router::new().route("/keys", keys);
        tokio::spawn(async move { axum::serve(listener, server).await });
        let settings = settings(&url, format!("{url}keys"));
        let db = Db::connect(&config::Database::from_env()?)?;
        let gate = Gate::new(tests::generous()?);
        let parts = Parts {
            db: db.into(),
            auth: Verifier::new(settings).into(),
            gate: gate.into(),
            ..Parts::default()
        };
        let router = host::router(App::new(parts))?;
        Ok(Self { key, url, asked, away, router })
    }

    fn claims(&self) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": "ada", "org_id": "org_tokens",
            "permissions": ["agents:read"], "iat": now, "exp": now + 600, "azp": "spa",
        })
    }

    fn good(&self) -> String {
        self.key.token("one", &self.claims())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn status(&self, token: &str) -> Result<u16> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse()?);
        Ok(self.reply(headers).await?.0)
    }

    async fn reply(&self, headers: HeaderMap) -> Result<(u16, HeaderMap)> {
        let mut request = Request::get("/v1/agents").body(Body::empty())?;
        *request.headers_mut() = headers;
        let reply = self.router.clone().oneshot(request).await?;
        Ok((reply.status().as_u16(), reply.headers().clone()))
    }
}

#[tokio::test]
async fn a1_only_rs256_is_proof() -> Result<()> {
    let issuer = Issuer::start()?;
    let claims = issuer.claims();
    assert_eq!(issuer.status(&issuer.good()).await?, 200);

    let header = |algorithm: &str| json!({ "alg": algorithm, "typ": "JWT", "kid": "one" });
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let text = unsigned(&header(name), &claims);
        assert_eq!(issuer.status(&format!("{text}.")).await?, 401, "{name}, no signature");
        let signed = issuer.key.sign(&header(name), &claims);
        assert_eq!(issuer.status(&signed).await?, 401, "{name}, signed");
    }
    // The public key taken for a shared secret, in the spellings a library might take it.
    let modulus = issuer.key.jwk("one")["n"].as_str().unwrap().to_owned();
    for secret in [issuer.key.public_bytes().to_vec(), modulus.into_bytes(), Vec::new()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let header = Header { kid: Some("one".into()), ..Header::new(algorithm) };
            let forged = encode(&header, &claims, &EncodingKey::from_secret(&secret))?;
            assert_eq!(issuer.status(&forged).await?, 401, "{algorithm:?}");
        }
    }
    let strong = issuer.key.sign(&header("RS512"), &claims);
    assert_eq!(issuer.status(&strong).await?, 401, "RS512, truly signed by the right key");
    for other in ["PS256", "ES256", "EdDSA"] {
        assert_eq!(issuer.status(&issuer.key.sign(&header(other), &claims)).await?, 401, "{other}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_that_was_changed_is_none() -> Result<()> {
    let issuer = Issuer::start()?;
    let good = issuer.good();
    let parts: Vec<_> = good.split('.').collect();
    let mut claims = issuer.claims();
    claims["org_id"] = "org_another".into();
    let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
    let changed = [
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
        format!("{good}x"),
        good.to_uppercase(),
    ];
    for token in changed {
        assert_eq!(issuer.status(&token).await?, 401, "{token}");
    }
    // A key that comes with the token is nobody's key.
    let own = Key::new();
    let header = json!({ "alg": "RS256", "kid": "two", "jwk": own.jwk("two"), "jku": issuer.url });
    assert_eq!(issuer.status(&own.sign(&header, &issuer.claims())).await?, 401);
    Ok(())
}

#[tokio::test]
async fn a4_a_claim_that_is_missing_or_of_a_wrong_kind_proves_nothing() -> Result<()> {
    let issuer = Issuer::start()?;
    let now = jiff::Timestamp::now().as_second();
    for name in ["iss", "aud", "sub", "org_id", "exp"] {
        let mut claims = issuer.claims();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(issuer.status(&issuer.key.token("one", &claims)).await?, 401, "without {name}");
        for wrong in [json!(null), json!(1), json!({}), json!([[]]), json!("")] {
            let mut claims = issuer.claims();
            claims[name] = wrong.clone();
            let status = issuer.status(&issuer.key.token("one", &claims)).await?;
            assert_eq!(status, 401, "{name} = {wrong}");
        }
    }
    for (name, value) in [("nbf", json!(now + 600)), ("permissions", json!("agents:read"))] {
        let mut claims = issuer.claims();
        claims[name] = value;
        assert_eq!(issuer.status(&issuer.key.token("one", &claims)).await?, 401, "{name}");
    }
    let mut claims = issuer.claims();
    claims.as_object_mut().unwrap().remove("permissions");
    assert_eq!(issuer.status(&issuer.key.token("one", &claims)).await?, 403, "nothing is allowed");
    Ok(())
}

#[tokio::test]
async fn a16_the_header_must_carry_one_token_and_say_bearer() -> Result<()> {
    let issuer = Issuer::start()?;
    let good = issuer.good();
    let bearer = format!("Bearer {good}");
    for value in [good.clone(), format!("Basic {good}"), format!("bearer{good}"), "Bearer".into()] {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value.parse()?);
        assert_eq!(issuer.reply(headers).await?.0, 401, "{value:.20}");
    }
    let mut twice = HeaderMap::new();
    twice.append("authorization", bearer.parse()?);
    twice.append("authorization", bearer.parse()?);
    assert_eq!(issuer.reply(twice).await?.0, 401, "two of them");
    Ok(())
}

#[tokio::test]
async fn a26_the_tenant_comes_from_the_organization_alone() -> Result<()> {
    let issuer = Issuer::start()?;
    let mut claims = issuer.claims();
    claims["tenant_id"] = json!(shared::auth::tenant_id("org_victim"));
    claims["https://cadre/org_id"] = "org_victim".into();
    let verifier = Verifier::new(settings(&issuer.url, format!("{}keys", issuer.url)));
    let token = issuer.key.token("one", &claims);
    let caller = verifier.caller(&token).await?;
    assert_eq!(caller.tenant, shared::auth::tenant_id("org_tokens"));
    Ok(())
}

#[tokio::test]
async fn a19_keys_are_fetched_once_and_unknown_ones_do_not_make_us_ask_again() -> Result<()> {
    let issuer = Issuer::start()?;
    let others = (0..20).map(|n| issuer.key.token(&format!("unknown-{n}"), &issuer.claims()));
    for token in others.collect::<Vec<_>>() {
        assert_eq!(issuer.status(&token).await?, 401);
    }
    for _ in 0..20 {
        assert_eq!(issuer.status(&issuer.good()).await?, 200);
    }
    assert_eq!(issuer.asked(), 1, "within thirty seconds, whatever key a token names");
    Ok(())
}

#[tokio::test]
async fn a18_many_at_once_on_a_cold_start_ask_once() -> Result<()> {
    let issuer = Arc::new(Issuer::start()?);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let issuer = Arc::clone(&issuer);
        all.spawn(async move { issuer.status(&issuer.good()).await });
    }
    while let Some(status) = all.join_next().await {
        assert_eq!(status??, 200);
    }
    assert_eq!(issuer.asked(), 1);
    Ok(())
}

#[tokio::test]
async fn a21_known_keys_serve_while_the_issuer_is_away_and_unknown_ones_say_try_again() -> Result<()>
{
    let warm = Issuer::start()?;
    assert_eq!(warm.status(&warm.good()).await?, 200);
    warm.away.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(warm.status(&warm.good()).await?, 200, "it is known");
    }

    let cold = Issuer::start()?;
    cold.away.store(true, Ordering::SeqCst);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", cold.good()).parse()?);
    let (status, answer) = cold.reply(headers).await?;
    assert_eq!(status, 503, "neither known nor refused");
    assert!(answer.contains_key("retry-after"));
    cold.away.store(false, Ordering::SeqCst);
    assert_eq!(
        cold.status(&cold.good()).await?,
        200,
        "back again, and nothing was held against it"
    );
    Ok(())
}

#[tokio::test]
async fn a21_a_key_set_that_cannot_be_used_is_a_503_and_never_a_way_in() -> Result<()> {
    let sets: [fn(&Key) -> String; 7] = [
        |_| "not JSON".into(),
        |_| "{}".into(),
        |_| json!({ "keys": [] }).to_string(),
        |key| json!({ "keys": [key.jwk("one"), key.jwk("one")] }).to_string(),
        |_| json!({ "keys": [{ "kty": "oct", "kid": "one", "k": "c2VjcmV0" }] }).to_string(),
        |_| {
            json!({ "keys": [{ "kty": "RSA", "kid": "one", "n": "***", "e": "AQAB" }] }).to_string()
        },
        |key| json!({ "keys": [key.jwk("one")], "pad": "x".repeat(70_000) }).to_string(),
    ];
    for set in sets {
        let issuer = Issuer::serving(set)?;
        let status = issuer.status(&issuer.good()).await?;
        assert_eq!(status, 503, "{:.60}", set(&issuer.key));
    }
    Ok(())
}

#[tokio::test]
async fn a22_key_sets_come_by_https_or_from_this_machine() -> Result<()> {
    let issuer = Issuer::start()?;
    for url in ["http://keys.example/", "http://127.0.0.1.evil.example/", "ftp://127.0.0.1/", ""] {
        let settings = settings(&issuer.url, url.into());
        let refused = Verifier::new(settings).caller(&issuer.good()).await.unwrap_err();
        assert_eq!(refused.name(), "Unavailable", "{url}");
    }
    assert_eq!(issuer.asked(), 0);
    Ok(())
}

#[tokio::test]
async fn a16_a_token_in_the_query_a_cookie_or_another_header_is_no_credential() -> Result<()> {
    let issuer = Issuer::start()?;
    let good = issuer.good();
    let request = Request::get(format!("/v1/agents?access_token={good}")).body(Body::empty())?;
    let reply = issuer.router.clone().oneshot(request).await?;
    assert_eq!(reply.status(), 401);
    assert_eq!(reply.headers()["www-authenticate"], "Bearer");
    for (name, value) in [
        ("cookie", format!("access_token={good}")),
        ("x-access-token", good.clone()),
        ("proxy-authorization", format!("Bearer {good}")),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse()?);
        let (status, answer) = issuer.reply(headers).await?;
        assert_eq!((status, &answer["www-authenticate"]), (401, &"Bearer".parse()?), "{name}");
    }
    let mut both = HeaderMap::new();
    both.insert("authorization", format!("Bearer {good}").parse()?);
    both.insert("cookie", "__Host-session=x".parse()?);
    assert_eq!(issuer.reply(both).await?.0, 401, "of two credentials one would be ignored");
    Ok(())
}

#[tokio::test]
async fn a9_a_good_token_of_a_client_that_is_not_registered_is_a_403() -> Result<()> {
    let issuer = Issuer::start()?;
    for (azp, gty, expected) in [
        ("console", Value::Null, 200),
        ("stranger", Value::Null, 403),
        ("robot", Value::Null, 403),
        ("robot", json!("client-credentials"), 200),
        ("spa", json!("client-credentials"), 403),
    ] {
        let mut claims = issuer.claims();
        claims["azp"] = azp.into();
        if !gty.is_null() {
            claims["gty"] = gty.clone();
        }
        let status = issuer.status(&issuer.key.token("one", &claims)).await?;
        assert_eq!(status, expected, "{azp} {gty}");
    }
    Ok(())
}

#[tokio::test]
async fn a17_whatever_is_wrong_with_a_token_the_answer_is_the_same() -> Result<()> {
    let issuer = Issuer::start()?;
    let mut expired = issuer.claims();
    expired["exp"] = (jiff::Timestamp::now().as_second() - 60).into();
    let mut elsewhere = issuer.claims();
    elsewhere["aud"] = "https://another.test".into();
    let mut bodies = BTreeSet::new();
    for token in [
        Key::new().token("one", &issuer.claims()),
        issuer.key.token("two", &issuer.claims()),
        issuer.key.token("one", &expired),
        issuer.key.token("one", &elsewhere),
        "x".into(),
        "cdr_x".into(),
    ] {
        let request = Request::get("/v1/agents").header("authorization", format!("Bearer {token}"));
        let reply = issuer.router.clone().oneshot(request.body(Body::empty())?).await?;
        assert_eq!(reply.headers()["www-authenticate"], "Bearer error=\"invalid_token\"");
        assert_eq!(reply.status(), 401);
        bodies.insert(axum::body::to_bytes(reply.into_body(), 4096).await?.to_vec());
    }
    assert_eq!(bodies.len(), 1);
    Ok(())
}
