//! What the log says of a refused token: why, and which if its issuer signed it. Never the token.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shared::Error;
use tracing_subscriber::fmt::MakeWriter;

use crate::issuer::{HEADER, Issuer, NOW, claims, good, header, key, token, with};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a17_every_refusal_looks_alike_outside_and_is_told_apart_in_the_log_without_the_token() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // Another test of this process may have been there first, with nobody to tell.
    tracing::callsite::rebuild_interest_cache();

    let issuer = Issuer::new();
    let forged = with(json!({ "jti": "eyJhbGciOiJub25lIn0" }));
    let cases = [
        ("signature", None, key(1).sign(HEADER, forged.to_string())),
        ("unknown_key", None, key(0).sign(header("eyJ"), claims().to_string())),
        ("expired", Some("t-1"), token(&with(json!({ "exp": NOW - 60, "iat": NOW - 600 })))),
        ("audience", Some("t-1"), token(&with(json!({ "aud": "https://eyJ.test" })))),
        ("claim_sub", Some("t-1"), token(&with(json!({ "sub": null })))),
        ("lifetime", None, token(&with(json!({ "exp": NOW + 999_999, "jti": null })))),
        ("alg_not_allowed", None, key(0).sign(r#"{"alg":"eyJ"}"#, claims().to_string())),
        ("form", None, format!("{}.", good())),
        ("json", None, key(0).sign("eyJ", "eyJ")),
        ("too_large", None, "eyJ".repeat(4_000)),
    ];
    for (reason, id, token) in &cases {
        let error = issuer.verifier.caller(token).await.unwrap_err();
        assert_eq!(error.problem(), Error::InvalidToken.problem(), "{reason}");
        let text = std::mem::take(&mut *lines.0.lock().unwrap());
        let text = String::from_utf8(text).unwrap();
        let line = text.lines().find(|line| line.contains("token refused"));
        let line = line.unwrap_or_else(|| panic!("{reason}: {text}"));
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["auth.reason"], *reason);
        assert_eq!(line["jwt.id"].as_str(), *id, "{reason}");
        assert!(!text.contains("eyJ"), "{reason}: {text}");
    }
}
