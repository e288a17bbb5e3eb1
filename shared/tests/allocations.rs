//! What verifying costs in memory, counted by an allocator of this binary's own.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

#[expect(dead_code, reason = "shared with the tests of the verifier, which use all of it")]
#[path = "auth/issuer.rs"]
mod issuer;

use allocation_counter::measure;
use futures_util::FutureExt;
use serde_json::json;

use issuer::{HEADER, Issuer, claims, good, key, token, with};

#[tokio::test]
async fn a31_a_warm_verification_makes_fifty_allocations_at_most() {
    let issuer = Issuer::new();
    let mut all = claims();
    let permissions: Vec<_> = (0..20).map(|n| format!("domain{n}:read")).collect();
    all["permissions"] = json!(permissions);
    let token = token(&all);
    issuer.verify(&token).await.unwrap();
    let counted = measure(|| {
        issuer.verify(&token).now_or_never().unwrap().unwrap();
    });
    assert!(counted.count_total <= 50, "{} allocations", counted.count_total);
    assert!(counted.bytes_total < 16 * 1024, "{} bytes", counted.bytes_total);
}

#[tokio::test]
async fn a14_hostile_tokens_make_the_verifier_allocate_less_than_64_kb() {
    let issuer = Issuer::new();
    issuer.verify(&good()).await.unwrap();
    let wide: Vec<_> = (0..900).map(|n| format!("\"c{n}\":1")).collect();
    let hostile = [
        "a".repeat(8 * 1024 + 1),
        "a".repeat(1024 * 1024),
        ".".repeat(8 * 1024),
        key(0).sign(HEADER, "[".repeat(5_000)),
        key(0).sign(HEADER, r#"{"a":"#.repeat(1_000)),
        key(0).sign(HEADER, format!("{{{}}}", wide.join(","))),
        token(&with(json!({ "permissions": vec!["a"; 1_200] }))),
        token(&with(json!({ "aud": vec!["a"; 1_200] }))),
        key(0).sign(HEADER, format!("[{}]", vec!["{}"; 1_500].join(","))),
    ];
    for token in &hostile {
        let counted = measure(|| {
            issuer.verify(token).now_or_never().unwrap().unwrap_err();
        });
        assert!(counted.bytes_total < 64 * 1024, "{} bytes: {token:.40}", counted.bytes_total);
    }
}
