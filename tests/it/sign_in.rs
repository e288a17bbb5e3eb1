//! Signing in by a browser, and everything that somebody might send instead.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use shared::table::{Access, Callers, Row, Trigger};
use tests::desk::{Answer, Browser, Desk, parameter, with_parameter};

const HERE: &str = "https://cadre.test";
const ADA: &str = "ada@example.test";
const SESSION: &str = "__Host-session";

/// Nobody is signed in, and no session was begun.
#[track_caller]
fn refused(answer: &Answer, browser: &Browser<'_>) {
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(answer.json()["type"], "urn:cadre:problem:sign-in-refused");
    assert!(!browser.ours.has(SESSION));
}

/// The address that the issuer sends a browser back to, which then is not followed.
async fn almost(browser: &mut Browser<'_>) -> Result<String> {
    let away = browser.open("/auth/login").await?;
    browser.at_the_issuer(away.location(), ADA).await
}

async fn signed_in<'a>(desk: &'a Desk, email: &str) -> Result<Browser<'a>> {
    let mut browser = desk.browser();
    let answer = browser.sign_in(email).await?;
    assert_eq!((answer.status, answer.location()), (303, "/account"), "{}", answer.text);
    Ok(browser)
}

#[tokio::test]
async fn a29_a_person_signs_in_and_the_browser_holds_a_session_and_nothing_else() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut browser = desk.browser();
    let answer = browser.sign_in_by("/auth/login?return_to=/v1/agents", ADA).await?;
    assert_eq!((answer.status, answer.location()), (303, "/v1/agents"), "{}", answer.text);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let session =
        cookies.iter().find_map(|line| line.to_str().ok()?.strip_prefix("__Host-session="));
    let (value, attributes) = session.and_then(|line| line.split_once(';')).context("a cookie")?;
    assert_eq!(attributes, " Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400");
    let (_, secret) = value.split_once('.').context("two parts")?;
    assert_eq!(secret.len(), 43, "256 bits");
    assert!(!browser.ours.has("__Host-sign-in"), "it was for once");
    assert!(!format!("{answer:?}").contains("eyJ"), "no token reaches the browser");

    let who = browser.get("/v1/session").await?.json();
    assert_eq!(who["email"], ADA);
    assert_eq!(who["organization_id"], desk.org_id.as_str());
    assert_eq!(who["roles"], json!(["tenant admin"]));
    assert_eq!(browser.get("/v1/agents").await?.status, 200);
    let page = browser.open("/account").await?;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains(ADA) && page.text.contains("tenant admin"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe"));
    Ok(())
}

#[tokio::test]
async fn a29_the_challenge_is_s256_and_a_plain_one_is_refused() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut browser = desk.browser();
    let away = browser.open("/auth/login").await?;
    let url = away.location();
    assert_eq!(parameter(url, "code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(parameter(url, "code_challenge").context("a challenge")?.len(), 43);
    assert!(parameter(url, "nonce").is_some_and(|nonce| nonce.len() == 43));
    for changed in [Some("plain"), None] {
        let url = with_parameter(url, "code_challenge_method", changed)?;
        let back = browser.at_the_issuer(&url, ADA).await?;
        assert_eq!(parameter(&back, "error").as_deref(), Some("invalid_request"));
        let mut other = desk.browser();
        other.ours = browser.ours.clone();
        let answer = other.come_back(&back).await?;
        refused(&answer, &other);
    }
    Ok(())
}

#[tokio::test]
async fn a29_an_answer_of_a_mixed_up_issuer_is_refused() -> Result<()> {
    let desk = Desk::open(HERE)?;
    for iss in [Some("https://evil.example/"), Some(desk.auth0.issuer.trim_end_matches('/')), None]
    {
        let mut browser = desk.browser();
        let back = with_parameter(&almost(&mut browser).await?, "iss", iss)?;
        let answer = browser.come_back(&back).await?;
        refused(&answer, &browser);
    }
    Ok(())
}

#[tokio::test]
async fn a29_a_wrong_state_and_another_browsers_answer_are_refused() -> Result<()> {
    let desk = Desk::open(HERE)?;
    for state in [Some("guessed"), Some(""), None] {
        let mut browser = desk.browser();
        let back = with_parameter(&almost(&mut browser).await?, "state", state)?;
        let answer = browser.come_back(&back).await?;
        refused(&answer, &browser);
    }
    // Somebody sends their own answer to a victim, who would then work in their account.
    let (mut thief, mut victim) = (desk.browser(), desk.browser());
    let back = almost(&mut thief).await?;
    let answer = victim.come_back(&back).await?;
    refused(&answer, &victim);
    almost(&mut victim).await?;
    let answer = victim.come_back(&back).await?;
    refused(&answer, &victim);
    Ok(())
}

#[tokio::test]
async fn a29_an_id_token_with_a_wrong_nonce_is_refused() -> Result<()> {
    let desk = Desk::open(HERE)?;
    for nonce in [Some("another"), None] {
        let mut browser = desk.browser();
        let away = browser.open("/auth/login").await?;
        let url = with_parameter(away.location(), "nonce", nonce)?;
        let back = browser.at_the_issuer(&url, ADA).await?;
        let answer = browser.come_back(&back).await?;
        refused(&answer, &browser);
    }
    Ok(())
}

#[tokio::test]
async fn a29_a_code_is_good_once() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut browser = desk.browser();
    let back = almost(&mut browser).await?;
    let mut again = desk.browser();
    again.ours = browser.ours.clone();
    assert_eq!(browser.come_back(&back).await?.status, 303);
    let answer = again.come_back(&back).await?;
    refused(&answer, &again);
    Ok(())
}

#[tokio::test]
async fn a29_the_issuer_calls_back_nowhere_else_and_we_lead_nowhere_else() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut browser = desk.browser();
    let away = browser.open("/auth/login").await?;
    for back in
        ["https://cadre.test/auth/callback/", "https://cadre.test.evil.example/auth/callback"]
    {
        let url = with_parameter(away.location(), "redirect_uri", Some(back))?;
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let answer = client.get(url).send().await?;
        assert_eq!(answer.status(), 403, "{back}");
        assert!(!answer.headers().contains_key("location"), "{back}");
    }
    for path in
        ["https://evil.example", "//evil.example", "/%5Cevil.example", "javascript:alert(1)"]
    {
        let answer = browser.open(&format!("/auth/login?return_to={path}")).await?;
        assert_eq!(answer.status, 422, "{path}: {}", answer.location());
    }
    Ok(())
}

#[tokio::test]
async fn a29_a_replayed_refresh_token_signs_the_person_out_everywhere_within_five_seconds()
-> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut laptop = signed_in(&desk, ADA).await?;
    let stolen = desk.auth0.sim.newest_refresh_token().context("a token")?;
    let mut phone = signed_in(&desk, ADA).await?;
    let mut colleague = signed_in(&desk, "eve@example.test").await?;
    for _ in 0..2 {
        assert_eq!(laptop.post("/auth/refresh").await?.status, 200, "it rotates");
    }
    assert_eq!(laptop.get("/v1/agents").await?.status, 200);

    // The thief uses the first one, which is older than the one before the newest.
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "web"),
        ("client_secret", "web-secret"),
        ("refresh_token", &stolen),
    ];
    let thief = reqwest::Client::new()
        .post(format!("{}oauth/token", desk.auth0.issuer))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(serde_urlencoded::to_string(form)?);
    assert_eq!(thief.send().await?.status(), 403);
    // The next refresh tells us, and nothing of the person's goes on.
    let since = Instant::now();
    assert_eq!(laptop.post("/auth/refresh").await?.status, 401);
    for browser in [&mut laptop, &mut phone] {
        assert_eq!(browser.get("/v1/agents").await?.status, 401);
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert_eq!(colleague.get("/v1/agents").await?.status, 200, "nobody else is concerned");
    Ok(())
}

#[tokio::test]
async fn p12_a_forged_request_changes_nothing() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut ada = signed_in(&desk, ADA).await?;
    let token = ada.csrf().await?;
    let other = signed_in(&desk, ADA).await?.csrf().await?;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = format!("csrf_token={token}");
    let forged: [(&[(&str, &str)], &str); 9] = [
        (&[("origin", HERE)], ""),
        (&[("origin", HERE), form], "csrf_token="),
        (&[("origin", HERE), ("x-csrf-token", "guessed")], ""),
        (&[("origin", HERE), ("x-csrf-token", &other)], ""),
        (&[("x-csrf-token", &token)], ""),
        (&[("origin", "null"), form], &body),
        (&[("origin", "https://evil.example"), form], &body),
        (&[("origin", "https://cadre.test.evil.example"), form], &body),
        (&[("origin", HERE), ("sec-fetch-site", "cross-site"), form], &body),
    ];
    for path in ["/v1/sessions/revoke", "/auth/logout", "/v1/agents", "/auth/refresh"] {
        for (headers, body) in forged {
            let answer = ada.send("POST", path, headers, body).await?;
            assert_eq!(answer.status, 403, "{path} {headers:?}: {}", answer.text);
        }
    }
    assert_eq!(ada.get("/v1/session").await?.status, 200, "she is still signed in");
    let answer = ada.send("POST", "/v1/sessions/revoke", &[("origin", HERE), form], &body).await?;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(answer.location().starts_with(&format!("{}v2/logout?", desk.auth0.issuer)));
    assert_eq!(ada.get("/v1/session").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_ended_there_is_over_there_and_only_there() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let (mut laptop, mut phone) = (signed_in(&desk, ADA).await?, signed_in(&desk, ADA).await?);
    let mut eve = signed_in(&desk, "eve@example.test").await?;
    let id = phone.get("/v1/session").await?.json()["session"]["id"].clone();
    let id = id.as_str().context("an id")?;
    let listed = laptop.get("/v1/sessions?limit=100").await?.json();
    assert!(listed["items"].as_array().context("a list")?.iter().any(|one| one["id"] == id));
    let path = format!("/v1/sessions/{id}/revoke");
    assert_eq!(eve.post(&path).await?.status, 404, "it is not hers");
    assert_eq!(laptop.post(&path).await?.json(), json!({ "sessions": 1 }));
    assert_eq!(phone.get("/v1/session").await?.status, 401);
    assert_eq!(laptop.get("/v1/session").await?.status, 200);
    assert_eq!(laptop.post(&path).await?.status, 404, "it is over already");

    let away = laptop.press("/auth/logout").await?;
    assert_eq!(away.status, 303);
    assert!(away.location().starts_with(&format!("{}v2/logout?", desk.auth0.issuer)));
    assert!(!laptop.ours.has(SESSION));
    Ok(())
}

#[tokio::test]
async fn a27_a_person_comes_through_by_showing_a_second_factor() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let trigger = Trigger::Route { method: "GET".into(), path: "/v1/vault".into() };
    let access = Access {
        permission: Some("agents:read".into()),
        mfa: true,
        callers: Callers::People,
        ..Access::default()
    };
    let row =
        Row { trigger, access, once: None, stream: false, uses: vec![], memory: 128, timeout: 5 };
    let vault = shared::http::mount(&row, async || "gold", desk.app)?.with_state(desk.app);
    let mut ada = signed_in(&desk, ADA).await?;
    let product = ada.router.clone();
    ada.router = vault.clone().fallback_service(product.clone());
    let plain = ada.get("/v1/vault").await?;
    assert_eq!(plain.status, 401);
    let challenge = plain.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    let page = ada.open("/v1/vault").await?;
    assert_eq!(page.status, 303, "a person is shown the way: {}", page.text);
    let answer = ada.sign_in_by(page.location(), ADA).await?;
    assert_eq!((answer.status, answer.location()), (303, "/v1/vault"), "{}", answer.text);
    assert_eq!(ada.open("/v1/vault").await?.text, "gold");
    assert_eq!(ada.get("/v1/session").await?.json()["factors"], json!(["pwd", "mfa"]));
    Ok(())
}

#[tokio::test]
async fn who_is_signed_out_everywhere_must_show_their_password_again() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let (mut laptop, mut phone) = (signed_in(&desk, ADA).await?, signed_in(&desk, ADA).await?);
    desk.auth0.sim.age_sessions(60);
    assert_eq!(laptop.post("/v1/sessions/revoke").await?.json(), json!({ "sessions": 2 }));
    // The issuer still knows the phone, and sends it back at once: with a sign-in that is too old.
    let answer = phone.sign_in(ADA).await?;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.location(), "/auth/login?return_to=%2Faccount&max_age=0");
    assert_eq!(phone.get("/v1/session").await?.status, 401);
    let login = answer.location().to_owned();
    assert_eq!(phone.sign_in_by(&login, ADA).await?.location(), "/account");
    Ok(())
}

#[tokio::test]
async fn who_is_not_signed_in_is_shown_the_way_in_and_programs_are_told() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut browser = desk.browser();
    let page = browser.open("/account").await?;
    assert_eq!((page.status, page.location()), (303, "/auth/login?return_to=%2Faccount"));
    assert_eq!(browser.get("/account").await?.status, 401);
    for garbage in ["x", "x.y", "AAAAAAAAAAAAAAAAAAAAAA.AAAA", ""] {
        browser.ours.0 = vec![(SESSION.into(), garbage.into())];
        assert_eq!(browser.get("/v1/session").await?.status, 401, "{garbage}");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_is_found_when_redis_knows_nothing_of_it() -> Result<()> {
    let desk = Desk::open(HERE)?;
    let mut ada = signed_in(&desk, ADA).await?;
    assert_eq!(ada.get("/v1/session").await?.status, 200);
    let value = ada.ours.0.iter().find(|(name, _)| name == SESSION).context("a cookie")?.1.clone();
    let secret = value.split_once('.').context("two parts")?.1;
    let digest = shared::digest::sha256(secret.as_bytes());
    let tenant = shared::auth::tenant_id(&desk.org_id);
    shared::auth::session::forget(desk.app, tenant, &digest).await;
    assert_eq!(ada.get("/v1/session").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn an_issuer_that_fails_signs_nobody_in_and_nobody_out() -> Result<()> {
    use auth0::{Fault, Kind};
    let desk = Desk::open(HERE)?;
    let mut ada = signed_in(&desk, ADA).await?;
    let kinds = [Kind::Status { status: 503 }, Kind::Garbage, Kind::Truncated];
    for kind in kinds {
        let fault = Fault { path: "/oauth/token".into(), kind, times: 0 };
        desk.auth0.sim.set_faults(vec![fault]);
        let answer = ada.post("/auth/refresh").await?;
        assert_eq!(answer.status, 503, "{kind:?}: {}", answer.text);
        let mut new = desk.browser();
        let back = almost(&mut new).await?;
        assert_eq!(new.come_back(&back).await?.status, 503, "{kind:?}");
        assert!(!new.ours.has(SESSION), "{kind:?}");
    }
    desk.auth0.sim.set_faults(Vec::new());
    assert_eq!(ada.get("/v1/session").await?.status, 200);
    assert_eq!(ada.post("/auth/refresh").await?.status, 200, "nothing was used up");
    Ok(())
}
