//! What the source must not do with tokens and with the keys that verify them.

use std::fs;

use shared::config::{AMR_CLAIM, AUTH_TIME_CLAIM};

use crate::source::rust;
use crate::world::root;

/// Who could write them there could sign for everybody. Each process fetches its own.
#[test]
fn a23_no_key_set_is_shared_through_redis() {
    for source in rust(&["shared/src", "functions"]) {
        // The settings name everything there is.
        if source.path == "shared/src/config.rs" {
            continue;
        }
        let text = source.code().to_lowercase();
        let keys =
            ["jwk", "keyset", "key set", "decodingkey"].iter().any(|name| text.contains(name));
        assert!(!(keys && text.contains("redis")), "{} knows both keys and Redis", source.path);
    }
}

#[test]
fn no_token_is_read_but_by_who_verifies_it() {
    for source in rust(&["shared/src", "functions"]) {
        let text = source.code();
        for way in ["insecure_decode", "dangerous", "decode_header", "jsonwebtoken::decode"] {
            assert!(!text.contains(way), "{}: `{way}`", source.path);
        }
        let inside = source.path.starts_with("shared/src/auth/");
        assert!(inside || !text.contains("jsonwebtoken"), "{} reads tokens itself", source.path);
    }
}

#[test]
fn a27_the_issuers_action_writes_the_claims_that_the_verifier_reads() {
    for path in ["infra/auth0/proof.js", "docs/security/auth0.md"] {
        let text = fs::read_to_string(root().join(path)).unwrap();
        for claim in [AMR_CLAIM, AUTH_TIME_CLAIM] {
            assert!(text.contains(&format!("'{claim}'")), "{path} does not set {claim}");
        }
    }
}
