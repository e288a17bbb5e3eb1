//! What a provider's refusal means: ask again, or change a setting.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;

use super::retry::Failure;

/// The HTTP status of an answer without a completion, with the provider's own code if it gave one.
///
/// The provider's *sentence* is left out: it can repeat the prompt or a part of the key.
pub(super) fn failure(status: u16, code: Option<&str>, wait: Option<Duration>) -> Failure {
    if passes(status, code) {
        return Failure::passing(anyhow!("the model provider answered {}", told(status, code)))
            .after(wait)
            .unread();
    }
    Failure::last(format!(
        "the model provider answered {}: {}",
        told(status, code),
        advice(status, code)
    ))
}

/// An error inside a stream that began with 200. Its code is a status, a word, or absent.
pub(super) fn in_stream(error: &Value) -> Failure {
    let status = error["code"].as_u64().or_else(|| error["status"].as_u64());
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
    Failure { unread: false, ..failure(status, code(error), None) }
}

/// The provider's code from the body of an error, if there is one that can be shown.
pub(super) fn code_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    code(body.get("error").unwrap_or(&body)).map(str::to_owned)
}

fn code(error: &Value) -> Option<&str> {
    let is_a_word = |word: &&str| {
        (1..=64).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'))
    };
    ["code", "type"].iter().find_map(|key| error[key].as_str().filter(is_a_word))
}

fn told(status: u16, code: Option<&str>) -> String {
    code.map_or_else(|| status.to_string(), |code| format!("{status} ({code})"))
}

/// 529 is Anthropic's "overloaded". A 429 for an empty account will not pass by waiting.
fn passes(status: u16, code: Option<&str>) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500..) && code != Some("insufficient_quota")
}

fn advice(status: u16, code: Option<&str>) -> &'static str {
    match (status, code) {
        (_, Some("context_length_exceeded" | "exceed_context_size_error")) | (413, _) => {
            "the prompt is longer than the model reads; lower MODEL_CONTEXT_TOKENS"
        }
        (402, _) | (_, Some("insufficient_quota")) => {
            "the account behind MODEL_API_KEY has no credit left; top it up"
        }
        (401, _) => "it does not accept the key; set MODEL_API_KEY",
        (403, _) => "the key may not use this model; check MODEL_API_KEY and MODEL_NAME",
        (404 | 405, _) => {
            "it knows no such model or address; check MODEL_NAME, and that MODEL_BASE_URL ends \
             before /chat/completions"
        }
        (300..=399, _) => "that is a redirect; set MODEL_BASE_URL to where it leads",
        _ => "it does not take this request; check MODEL_NAME, MODEL_SAMPLING and max_tokens",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::llm::retry::Again;

    fn sentence(status: u16, code: Option<&str>) -> String {
        match failure(status, code, None).error {
            Error::ModelRefused(sentence) => sentence,
            other => panic!("{status} is not final: {other:?}"),
        }
    }

    #[test]
    fn f19_what_may_pass_is_asked_again() {
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            assert_eq!(failure(status, None, None).again, Again::Soon, "{status}");
        }
        let wait = Duration::from_secs(2);
        assert_eq!(failure(429, None, Some(wait)).again, Again::After(wait));
    }

    #[test]
    fn f19_what_will_not_pass_names_the_setting() {
        for (status, setting) in [
            (301, "MODEL_BASE_URL"),
            (400, "MODEL_NAME"),
            (401, "MODEL_API_KEY"),
            (403, "MODEL_API_KEY"),
            (404, "MODEL_BASE_URL"),
            (413, "MODEL_CONTEXT_TOKENS"),
            (422, "MODEL_SAMPLING"),
        ] {
            assert!(sentence(status, None).contains(setting), "{status}");
        }
        assert!(sentence(429, Some("insufficient_quota")).contains("credit"));
        assert!(sentence(400, Some("context_length_exceeded")).contains("MODEL_CONTEXT_TOKENS"));
    }

    #[test]
    fn p10_the_providers_sentence_is_not_repeated() {
        let body = br#"{"error":{"message":"key sk-123 is wrong","type":"invalid_request_error"}}"#;
        assert_eq!(code_of(body).as_deref(), Some("invalid_request_error"));
        assert_eq!(code_of(br#"{"error":{"code":"the key sk-123"}}"#), None);
        assert_eq!(code_of(br#"{"code":429}"#), None);
        assert_eq!(code_of(b"<html>"), None);
        assert_eq!(code_of(br#"["error"]"#), None);
    }
}
