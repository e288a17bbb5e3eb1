//! The keys at hand: fetched once for all, renewed ahead of time, and kept while the issuer is away.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shared::auth::{AuthError, Clock};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::issuer::{Answer, Issuer, claims, header, key, set};

/// A good token of the hour that the issuer's clock shows, by this key under this id.
fn fresh_of(issuer: &Issuer, n: usize, id: &str) -> String {
    let now = issuer.hands.wall();
    let mut all = claims();
    all["iat"] = now.into();
    all["exp"] = (now + 600).into();
    key(n).sign(header(id), all.to_string())
}

fn fresh(issuer: &Issuer) -> String {
    fresh_of(issuer, 0, "one")
}

async fn warm() -> Issuer {
    let issuer = Issuer::new();
    issuer.verify(&fresh(&issuer)).await.unwrap();
    issuer
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn a18_a_thousand_at_once_on_a_cold_cache_ask_once() {
    let issuer = Arc::new(Issuer::new());
    issuer.answers(Answer::Slow(Duration::from_millis(80), set(&[key(0).jwk("one")])));
    let token = fresh(&issuer);
    let mut all = JoinSet::new();
    for _ in 0..1_000 {
        let (issuer, token) = (Arc::clone(&issuer), token.clone());
        all.spawn(async move { issuer.verify(&token).await });
    }
    while let Some(judged) = all.join_next().await {
        judged.unwrap().unwrap();
    }
    assert_eq!(issuer.wire.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a18_keys_are_renewed_after_eight_minutes_while_nobody_waits() {
    let issuer = warm().await;
    issuer.hands.pass(Duration::from_secs(8 * 60 - 1));
    issuer.verify(&fresh(&issuer)).await.unwrap();
    assert_eq!(issuer.wire.asked(), 1, "fresh for eight minutes");

    issuer.answers(Answer::Slow(Duration::from_millis(900), set(&[key(0).jwk("one")])));
    issuer.hands.pass(Duration::from_secs(1));
    let started = Instant::now();
    issuer.verify(&fresh(&issuer)).await.unwrap();
    assert_eq!(issuer.wire.asked(), 2, "one fetches ahead");
    assert!(started.elapsed() <= Duration::from_millis(250), "and waits for courtesy only");
    let started = Instant::now();
    for _ in 0..100 {
        issuer.verify(&fresh(&issuer)).await.unwrap();
    }
    assert_eq!(started.elapsed(), Duration::ZERO, "the others not at all");
    tokio::time::sleep(Duration::from_secs(1)).await;
    issuer.verify(&fresh(&issuer)).await.unwrap();
    issuer.hands.pass(7 * MINUTE);
    issuer.verify(&fresh(&issuer)).await.unwrap();
    assert_eq!(issuer.wire.asked(), 2, "what it brought is fresh again");
}

#[tokio::test]
async fn a19_a_hundred_thousand_unknown_key_ids_in_a_minute_ask_three_times_at_most() {
    let issuer = warm().await;
    let good = fresh(&issuer);
    let payload = claims().to_string();
    let parts: Vec<_> = good.split('.').collect();
    let mut slowest = Duration::ZERO;
    for n in 0..100_000_u32 {
        use base64::Engine;
        let head = header(&format!("k{n}"));
        let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(head);
        let random = format!("{head}.{}.{}", parts[1], parts[2]);
        assert_eq!(issuer.refused(&random).await, AuthError::UnknownKey);
        if n % 1_000 == 0 {
            let started = std::time::Instant::now();
            issuer.verify(&good).await.unwrap();
            slowest = slowest.max(started.elapsed());
            issuer.hands.pass(Duration::from_millis(600));
        }
    }
    assert!(!payload.is_empty());
    assert!(issuer.wire.asked() <= 1 + 3, "{} fetches", issuer.wire.asked());
    assert!(slowest < Duration::from_millis(100), "a good token took {slowest:?}");
}

#[tokio::test]
async fn a19_no_more_than_ten_fetches_a_minute_whatever_happens() {
    let issuer = Issuer::new();
    issuer.answers(Answer::Fails);
    for _ in 0..1_000 {
        assert_eq!(issuer.refused(&fresh(&issuer)).await, AuthError::KeysUnavailable);
    }
    assert_eq!(issuer.wire.asked(), 10);
    issuer.serves(&[key(0).jwk("one")]);
    issuer.hands.pass(MINUTE);
    issuer.verify(&fresh(&issuer)).await.unwrap();
}

#[tokio::test]
async fn a19_a_key_id_that_was_unknown_is_asked_for_again_only_after_a_while() {
    let issuer = warm().await;
    issuer.hands.pass(Duration::from_secs(31));
    let next = fresh_of(&issuer, 1, "two");
    assert_eq!(issuer.refused(&next).await, AuthError::UnknownKey);
    assert_eq!(issuer.wire.asked(), 2);
    issuer.hands.pass(Duration::from_secs(31));
    assert_eq!(issuer.refused(&next).await, AuthError::UnknownKey);
    assert_eq!(issuer.wire.asked(), 2, "known to be nobody's for a minute");
    issuer.hands.pass(Duration::from_secs(30));
    assert_eq!(issuer.refused(&next).await, AuthError::UnknownKey);
    assert_eq!(issuer.wire.asked(), 3);
}

#[tokio::test]
async fn a20_the_next_key_works_at_once_and_the_previous_one_until_it_is_revoked() {
    let issuer = Issuer::new();
    issuer.serves(&[key(0).jwk("one"), key(1).jwk("two")]);
    let mut verified = 0;
    for round in 0..100 {
        match round {
            // Signs with the next; a third is announced.
            30 => issuer.serves(&[key(0).jwk("one"), key(1).jwk("two"), key(2).jwk("three")]),
            60 => issuer.serves(&[key(1).jwk("two"), key(2).jwk("three")]),
            _ => {}
        }
        let (n, id) = if round < 30 { (0, "one") } else { (1, "two") };
        let token = fresh_of(&issuer, n, id);
        for _ in 0..100 {
            issuer.verify(&token).await.unwrap();
            verified += 1;
        }
        issuer.hands.pass(Duration::from_secs(20));
    }
    assert_eq!(verified, 10_000);
    let revoked = fresh_of(&issuer, 0, "one");
    assert_eq!(issuer.refused(&revoked).await, AuthError::UnknownKey);
    // A key that was never announced: asked for when a token first names it.
    issuer.hands.pass(Duration::from_secs(31));
    issuer.serves(&[key(0).jwk("four")]);
    issuer.verify(&fresh_of(&issuer, 0, "four")).await.unwrap();
}

#[tokio::test]
async fn a20_a_revoked_key_is_gone_within_ten_minutes_also_for_who_comes_seldom() {
    let issuer = warm().await;
    issuer.serves(&[key(1).jwk("two")]);
    issuer.hands.pass(Duration::from_secs(8 * 60 - 1));
    issuer.verify(&fresh(&issuer)).await.unwrap();
    issuer.hands.pass(2 * MINUTE + Duration::from_secs(1));
    assert_eq!(issuer.refused(&fresh(&issuer)).await, AuthError::UnknownKey);
}

fn bad() -> Vec<(&'static str, Answer)> {
    let body = |text: &str| Answer::Body(text.as_bytes().to_vec());
    let whole = String::from_utf8(set(&[key(0).jwk("one")])).unwrap();
    let secret = json!({ "kty": "oct", "kid": "one", "k": "c2VjcmV0" });
    vec![
        ("no answer", Answer::Fails),
        ("empty", body("")),
        ("HTML", body("<html>sign in</html>")),
        ("an error in JSON", body(r#"{"error":"internal"}"#)),
        ("cut off", body(&whole[..whole.len() - 9])),
        ("no keys", body(r#"{"keys":[]}"#)),
        ("no list", body(r#"{"keys":{}}"#)),
        ("only keys for others", Answer::Body(set(&[json!({ "kty": "EC", "kid": "one" })]))),
        ("a secret", Answer::Body(set(&[secret]))),
        ("one id twice", Answer::Body(set(&[key(0).jwk("one"), key(1).jwk("one")]))),
    ]
}

#[tokio::test(start_paused = true)]
async fn a21_nothing_bad_replaces_a_good_set_for_a_day_and_then_nobody_can_tell() {
    for (what, answer) in bad().into_iter().chain([("hangs", Answer::Hangs)]) {
        let issuer = warm().await;
        issuer.answers(answer);
        for _ in 0..47 {
            issuer.hands.pass(30 * MINUTE);
            tokio::time::sleep(Duration::from_secs(6)).await;
            let judged = issuer.verify(&fresh(&issuer)).await;
            assert!(judged.is_ok(), "{what}: {judged:?}");
        }
        assert!(issuer.wire.asked() > 20, "{what}: it goes on asking");
        issuer.hands.pass(31 * MINUTE);
        assert_eq!(issuer.refused(&fresh(&issuer)).await, AuthError::KeysUnavailable, "{what}");
        issuer.serves(&[key(0).jwk("one")]);
        issuer.hands.pass(MINUTE);
        tokio::time::sleep(Duration::from_secs(6)).await;
        // What was under way when the issuer came back has to end first.
        let _ = issuer.verify(&fresh(&issuer)).await;
        issuer.verify(&fresh(&issuer)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a21_a_cold_cache_without_an_issuer_is_a_503_and_never_open() {
    for (what, answer) in bad().into_iter().chain([("hangs", Answer::Hangs)]) {
        let issuer = Issuer::new();
        issuer.answers(answer);
        let started = Instant::now();
        let refused = issuer.verifier.caller(&fresh(&issuer)).await.unwrap_err();
        assert_eq!(refused.status(), 503, "{what}");
        assert!(started.elapsed() <= Duration::from_secs(5), "{what}");
        issuer.serves(&[key(0).jwk("one")]);
        issuer.verify(&fresh(&issuer)).await.unwrap();
    }
}

/// Before, whoever named an unknown key while the issuer hung kept everybody waiting.
#[tokio::test(start_paused = true)]
async fn a21_while_the_issuer_hangs_nobody_with_a_known_key_waits() {
    let issuer = Arc::new(warm().await);
    issuer.answers(Answer::Hangs);
    issuer.hands.pass(MINUTE);
    let mut strangers = JoinSet::new();
    for n in 0..50 {
        let (issuer, token) = (Arc::clone(&issuer), fresh_of(&issuer, 1, &format!("k{n}")));
        strangers.spawn(async move { issuer.refused(&token).await });
    }
    tokio::task::yield_now().await;
    let started = Instant::now();
    for _ in 0..1_000 {
        issuer.verify(&fresh(&issuer)).await.unwrap();
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    while let Some(judged) = strangers.join_next().await {
        // Nobody can tell whether the key is the issuer's newest: not a false 401.
        assert_eq!(judged.unwrap(), AuthError::KeysUnavailable);
    }
    assert!(started.elapsed() <= Duration::from_secs(5));
    assert_eq!(issuer.wire.asked(), 2, "fifty strangers, one question");

    // Too old now: the first to come gives the issuer a second, the others none.
    issuer.hands.pass(10 * MINUTE);
    let started = Instant::now();
    for _ in 0..100 {
        issuer.verify(&fresh(&issuer)).await.unwrap();
    }
    assert!(started.elapsed() <= Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a24_a_clock_that_is_set_changes_the_verdicts_on_time_and_nothing_else() {
    let issuer = warm().await;
    let now = issuer.hands.wall();
    let good = fresh(&issuer);
    for (shift, expected) in
        [(7_200, Some(AuthError::Expired)), (-7_200, Some(AuthError::IssuedInFuture)), (0, None)]
    {
        issuer.hands.set(now + shift);
        assert_eq!(issuer.verify(&good).await.err(), expected, "{shift} s");
        let forged: Value = claims();
        let forged = key(1).sign(header("one"), forged.to_string());
        assert_eq!(issuer.refused(&forged).await, AuthError::Signature, "{shift} s");
    }
    assert_eq!(issuer.wire.asked(), 1, "the age of the keys is not measured by that clock");
}
