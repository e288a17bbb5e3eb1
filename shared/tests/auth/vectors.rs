//! The public test vectors of C2SP's Wycheproof for JOSE. No package carries them, so CI takes the
//! same cases, made here with keys of its own; `JOSE_VECTORS` names the folder `testvectors_v1` of
//! a checkout to take the real ones as well.

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::auth::AuthError;

use crate::issuer::{Answer, Issuer, claims, header, key, unsigned};

/// One key set, one token over it, and whether RFC 7515 would take it.
struct Vector {
    name: String,
    set: Value,
    token: String,
    valid: bool,
}

/// Those of Wycheproof whose payload is of no interest: here it is a good one.
fn made() -> Vec<Vector> {
    let set = json!({ "keys": [key(0).jwk("one")] });
    let payload = claims().to_string();
    let head = header("one");
    let good = key(0).sign(&head, &payload);
    let text = unsigned(head.as_bytes(), payload.as_bytes());
    let (_, signature) = good.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let with = |raw: &[u8]| format!("{text}.{}", URL_SAFE_NO_PAD.encode(raw));
    let modified: Vec<u8> = raw.iter().enumerate().map(|(n, b)| b ^ u8::from(n == 0)).collect();
    let padded = [vec![0], raw.clone()].concat();
    let trailing = [raw.clone(), vec![0]].concat();
    let mut cases = vec![
        ("acceptsValid", good.clone(), true),
        ("rejectsModifiedSignature", with(&modified), false),
        ("rejectsMissingSignature", format!("{text}."), false),
        ("rejectsNoSignature", text.clone(), false),
        ("rejectsShortSignature", with(&raw[1..]), false),
        ("rejectsLeadingZero", with(&padded), false),
        ("rejectsTrailingZeros", with(&trailing), false),
        ("rejectsZeroSignature", with(&[0; 256]), false),
        ("rejectsOneSignature", with(&[&[0; 255][..], &[1]].concat()), false),
        ("rejectsModulusAsSignature", with(&key(0).modulus()), false),
        ("rejectsWrongHash", key(0).signed(&text, &RSA_PKCS1_SHA384), false),
        ("rejectsWrongKey", key(1).signed(&text, &RSA_PKCS1_SHA256), false),
        ("rejectsModifiedPayload", good.replacen("ey", "eZ", 2), false),
        ("rejectsSpace", format!("{text}. {signature}"), false),
        ("rejectsPadding", format!("{good}="), false),
        ("rejectsStandardAlphabet", format!("{text}.{}+/", &signature[..340]), false),
    ];
    let other = r#"{"alg":"RS256","kid":"one","crit":["exp"],"exp":1}"#;
    cases.push(("rejectsUnknownCrit", key(0).sign(other, &payload), false));
    let plain = r#"{"alg":"none","kid":"one"}"#;
    cases.push(("rejectsNone", key(0).sign(plain, &payload), false));
    let vector = |(name, token, valid): (&str, String, bool)| Vector {
        name: name.into(),
        set: set.clone(),
        token,
        valid,
    };
    cases.into_iter().map(vector).collect()
}

fn public(folder: &Path) -> Vec<Vector> {
    let mut all = Vec::new();
    for file in ["json_web_signature_test.json", "json_web_key_test.json"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let text: Value = serde_json::from_str(&text).unwrap();
        for group in text["testGroups"].as_array().unwrap() {
            let keys = group.get("public").unwrap_or(&group["private"]);
            let set =
                if keys.get("keys").is_some() { keys.clone() } else { json!({ "keys": [keys] }) };
            for test in group["tests"].as_array().unwrap() {
                let token = match &test["jws"] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let name = format!("{file} {} {}", test["tcId"], test["comment"]);
                let valid = test["result"] == "valid";
                all.push(Vector { name, set: set.clone(), token, valid });
            }
        }
    }
    all
}

/// How a token over this key set is judged: `None` when it lets somebody in.
async fn judged(vector: &Vector) -> Option<AuthError> {
    let issuer = Issuer::new();
    issuer.answers(Answer::Body(vector.set.to_string().into_bytes()));
    issuer.verify(&vector.token).await.err()
}

#[tokio::test]
async fn a1_to_a15_none_of_the_public_attacks_lets_anybody_in() {
    for vector in made() {
        let refused = judged(&vector).await;
        assert_eq!(refused.is_none(), vector.valid, "{}: {refused:?}", vector.name);
    }
    #[expect(clippy::disallowed_methods, reason = "where a checkout is, who runs the test says")]
    let Some(folder) = std::env::var_os("JOSE_VECTORS") else { return };
    let all = public(Path::new(&folder));
    assert!(all.len() > 400, "{} vectors", all.len());
    for vector in &all {
        // Their payloads are no claims, so a false accept of the signature would end in `Json`
        // too: this holds the whole, and `src/auth/vectors_tests.rs` the signature.
        assert!(judged(vector).await.is_some(), "{} was let in", vector.name);
    }
}
