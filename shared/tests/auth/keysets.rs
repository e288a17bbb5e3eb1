//! Key sets: which keys we verify with, and which sets are worth nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::auth::AuthError;

use crate::issuer::{Answer, Issuer, claims, good, header, key, set};

fn changed(changes: &Value) -> Value {
    let mut jwk = key(1).jwk("odd");
    let map = jwk.as_object_mut().unwrap();
    map.extend(changes.as_object().unwrap().clone());
    map.retain(|_, value| !value.is_null());
    jwk
}

/// One and a multiple of every prime that the fingerprint looks at: a power of 65537 (the zeroth)
/// modulo each of them, like a key of the faulty chips.
fn roca() -> Vec<u8> {
    let mut product = vec![1_u8];
    for prime in (3..=167_u32).filter(|n| (2..*n).all(|d| n % d != 0)) {
        let mut carry = 0;
        for byte in product.iter_mut().rev() {
            let value = u32::from(*byte) * prime + carry;
            *byte = value.to_le_bytes()[0];
            carry = value >> 8;
        }
        if carry > 0 {
            product.insert(0, carry.to_le_bytes()[0]);
        }
    }
    product.resize(256, 0);
    product[255] = 1;
    product
}

#[tokio::test]
async fn a2_keys_that_are_not_for_us_are_dropped_and_good_ones_kept() {
    let n = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let modulus = key(1).modulus();
    let even: Vec<u8> = modulus.iter().copied().take(255).chain([0]).collect();
    let padded = [vec![0], modulus.clone()].concat();
    for changes in [
        json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }),
        json!({ "kty": "rsa" }),
        json!({ "kty": null }),
        json!({ "kty": ["RSA"] }),
        json!({ "use": "enc" }),
        json!({ "use": "SIG" }),
        json!({ "use": 1 }),
        json!({ "key_ops": [] }),
        json!({ "key_ops": ["encrypt"] }),
        json!({ "key_ops": "verify" }),
        json!({ "alg": "RS512" }),
        json!({ "alg": "PS256" }),
        json!({ "alg": "RSA-OAEP" }),
        json!({ "alg": null, "use": "enc" }),
        json!({ "e": "AQ" }),
        json!({ "e": "Aw" }),
        json!({ "e": "AQAA" }),
        json!({ "e": "AAEAAQ" }),
        json!({ "e": null }),
        json!({ "n": n(&modulus[..128]) }),
        json!({ "n": n(&modulus[..255]) }),
        json!({ "n": n(&modulus.repeat(5)) }),
        json!({ "n": n(&even) }),
        json!({ "n": n(&padded) }),
        json!({ "n": n(&roca()) }),
        json!({ "n": "***" }),
        json!({ "n": "" }),
        json!({ "n": null }),
        json!({ "kid": null }),
        json!({ "kid": "../odd" }),
        json!({ "kid": 1 }),
    ] {
        let issuer = Issuer::new();
        issuer.serves(&[changed(&changes), key(0).jwk("one")]);
        issuer.verify(&good()).await.unwrap_or_else(|why| panic!("{why:?}: {changes}"));
        let odd = key(1).sign(header("odd"), claims().to_string());
        assert_eq!(issuer.refused(&odd).await, AuthError::UnknownKey, "{changes}");
    }
    for changes in
        [json!({}), json!({ "use": null, "alg": null }), json!({ "key_ops": ["verify"] })]
    {
        let issuer = Issuer::new();
        issuer.serves(&[changed(&changes)]);
        let odd = key(1).sign(header("odd"), claims().to_string());
        issuer.verify(&odd).await.unwrap_or_else(|why| panic!("{why:?}: {changes}"));
    }
}

#[tokio::test]
async fn a2_a_set_with_a_private_key_or_a_secret_is_refused_whole() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let issuer = Issuer::new();
        issuer.serves(&[key(0).jwk("one"), changed(&json!({ name: "AA" }))]);
        assert_eq!(issuer.refused(&good()).await, AuthError::KeysUnavailable, "{name}");
    }
    let issuer = Issuer::new();
    issuer.serves(&[key(0).jwk("one"), json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0" })]);
    assert_eq!(issuer.refused(&good()).await, AuthError::KeysUnavailable);
}

#[tokio::test]
async fn a3_a_set_with_two_keys_of_one_id_is_refused_and_the_last_good_one_stays() {
    let twice = [
        [key(0).jwk("one"), key(1).jwk("one")],
        [key(0).jwk("one"), key(0).jwk("one")],
        [key(0).jwk("one"), json!({ "kty": "EC", "kid": "one", "crv": "P-256" })],
    ];
    for keys in twice {
        let cold = Issuer::new();
        cold.serves(&keys);
        assert_eq!(cold.refused(&good()).await, AuthError::KeysUnavailable);

        let warm = Issuer::new();
        warm.verify(&good()).await.unwrap();
        warm.serves(&keys);
        warm.hands.pass(std::time::Duration::from_mins(11));
        let now = crate::issuer::NOW + 660;
        let later = crate::issuer::with(json!({ "iat": now, "exp": now + 600 }));
        warm.verify(&crate::issuer::token(&later)).await.unwrap();
        assert_eq!(warm.wire.asked(), 2, "it asked, and kept what it had");
    }
}

#[tokio::test]
async fn a3_a_name_twice_in_the_set_itself_is_refused() {
    let issuer = Issuer::new();
    let one = key(0).jwk("one").to_string();
    let two = key(1).jwk("one").to_string();
    let text = format!(r#"{{"keys":[{one}],"keys":[{two}]}}"#);
    issuer.answers(Answer::Body(text.into_bytes()));
    assert_eq!(issuer.refused(&good()).await, AuthError::KeysUnavailable);
    issuer.answers(Answer::Body(set(&[key(0).jwk("one")])));
    issuer.verify(&good()).await.unwrap();
}
