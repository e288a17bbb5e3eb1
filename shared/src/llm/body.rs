//! The body of a chat-completions request.

use serde_json::{Map, Value, json};

use super::{Message, Prompt, Role};

/// The limit has a new name at its maker's; everybody else still reads the old one.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    OpenAi,
    Compatible,
}

/// A stream is always asked for: only a stream shows where an answer was cut.
pub(super) fn body(
    model: &str,
    prompt: &Prompt,
    seed: Option<u64>,
    dialect: Dialect,
    sampling: &Map<String, Value>,
) -> Value {
    let limit = match dialect {
        Dialect::OpenAi => "max_completion_tokens",
        Dialect::Compatible => "max_tokens",
    };
    let mut body = json!({
        "model": model,
        "messages": prompt.messages.iter().map(message).collect::<Vec<_>>(),
        limit: prompt.max_tokens,
        // Through text: 0.7 as a float is 0.699999988079071 as a double.
        "temperature": prompt.temperature.to_string().parse::<f64>().unwrap_or_default(),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Some(seed) = seed {
        body["seed"] = json!(seed);
    }
    for (field, value) in sampling {
        body[field] = value.clone();
    }
    if let Some(body) = body.as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    body
}

fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut json = json!({ "role": role, "content": message.content });
    if let Some(name) = message.name.as_deref().map(plain).filter(|name| !name.is_empty()) {
        json["name"] = json!(name);
    }
    json
}

/// The protocol takes letters, digits, `_` and `-`, at most 64 of them.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    name.trim().chars().map(plain).take(64).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn prompt() -> Prompt {
        let said = |role, name: Option<&str>| Message {
            role,
            name: name.map(str::to_owned),
            content: "hello".to_owned(),
        };
        Prompt {
            messages: vec![said(Role::System, None), said(Role::User, Some("Mary (analyst)"))],
            max_tokens: 64,
            temperature: 0.7,
            seed: Some(7),
            deadline: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_request_streams_and_asks_for_usage() {
        let body = body("m", &prompt(), Some(7), Dialect::Compatible, &Map::new());
        let expected = json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "hello" },
                { "role": "user", "name": "Mary__analyst_", "content": "hello" },
            ],
            "max_tokens": 64,
            "temperature": 0.7,
            "seed": 7,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn sampling_adds_replaces_and_takes_away() {
        let sampling = json!({ "repeat_penalty": 1.15, "temperature": null, "seed": 1 });
        let sampling = sampling.as_object().expect("an object");
        let body = body("m", &prompt(), None, Dialect::OpenAi, sampling);
        assert_eq!(body["repeat_penalty"], 1.15);
        assert_eq!(body["seed"], 1);
        assert_eq!(body["max_completion_tokens"], 64);
        assert!(body.get("temperature").is_none() && body.get("max_tokens").is_none());
    }
}
