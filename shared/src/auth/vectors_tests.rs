//! The signature layer alone against C2SP's Wycheproof, when `JOSE_VECTORS` names its folder
//! `testvectors_v1`; without it against one good and one bad token of the same form.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::form;
use super::jwk::KeySet;
use super::token::holds;

/// Whether form, key set and signature hold: everything but the claims.
fn signed(set: &Value, token: &str) -> bool {
    let Ok(form) = form::of(token) else { return false };
    let Ok(keys) = KeySet::read(set.to_string().as_bytes()) else { return false };
    keys.get(&form.key_id).is_some_and(|key| holds(&form, &key))
}

/// Refused although RFC 7515 takes them: an empty payload is no claims, and our key ids are names.
fn is_ours_to_refuse(token: &str) -> bool {
    matches!(form::of(token), Err(super::AuthError::Form | super::AuthError::KeyId))
}

#[test]
fn every_valid_rs256_vector_holds_and_no_invalid_one_does() {
    #[expect(clippy::disallowed_methods, reason = "where a checkout is, who runs the test says")]
    let folder = std::env::var_os("JOSE_VECTORS").map(PathBuf::from);
    let mut counts = [0; 3];
    for file in ["json_web_signature_test.json", "json_web_key_test.json"] {
        let Some(folder) = &folder else { continue };
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let text: Value = serde_json::from_str(&text).unwrap();
        for group in text["testGroups"].as_array().unwrap() {
            let keys = group.get("public").unwrap_or(&group["private"]);
            let one = json!({ "keys": [keys] });
            let set = if keys.get("keys").is_some() { keys } else { &one };
            for test in group["tests"].as_array().unwrap() {
                let Some(token) = test["jws"].as_str() else { continue };
                let holds = signed(set, token);
                let rs256 = token.starts_with("eyJhbGciOiJSUzI1NiI");
                match (test["result"] == "valid", holds) {
                    (true, true) => counts[0] += 1,
                    (false, false) => counts[1] += 1,
                    (true, false) if !rs256 => counts[1] += 1,
                    (true, false) if is_ours_to_refuse(token) => counts[2] += 1,
                    _ => panic!("{file} {}: {holds}", test["tcId"]),
                }
            }
        }
    }
    if folder.is_some() {
        assert!(counts[0] > 0 && counts[1] > 300, "{counts:?}");
    }
    assert!(!signed(&json!({ "keys": [] }), "eyJhbGciOiJSUzI1NiJ9.e30.AA"));
}
