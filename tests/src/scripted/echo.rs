//! The answer to anything: short, cheap, and the same for the same request.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::json;

use super::reply::json_answer;
use super::wire::{Request, whole};

const VERBS: [&str; 8] =
    ["keep", "split", "test", "name", "measure", "simplify", "document", "question"];
const NOUNS: [&str; 8] = [
    "scope",
    "interface",
    "data model",
    "risk",
    "user journey",
    "schedule",
    "budget",
    "first step",
];

/// Both protocols at once: what one of them does not have stays empty.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    model: String,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    system: Vec<Part>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    name: Option<String>,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

impl Content {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.first().map_or("", |part| part.text.as_str()),
        }
    }
}

pub(super) fn answer(request: &Request<'_>) -> Vec<u8> {
    if request.path().ends_with("/models") {
        let model = json!({ "id": "scripted", "object": "model" });
        return json_answer(200, &json!({ "object": "list", "data": [model] }));
    }
    let Ok(asked) = serde_json::from_slice::<Asked>(request.body) else {
        let error = json!({ "error": { "message": "no chat", "type": "invalid_request_error" } });
        return json_answer(400, &error);
    };
    let text = text(&asked, hash(request.body));
    let input = request.body.len().div_ceil(4);
    let output = text.len().div_ceil(4);
    if request.path().ends_with("/converse") {
        return converse(&text, input, output);
    }
    let usage = json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
    });
    if !asked.stream {
        let message = json!({ "role": "assistant", "content": text });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        let answer = json!({ "model": asked.model, "choices": [choice], "usage": usage });
        return json_answer(200, &answer);
    }
    let choice = json!({
        "index": 0, "delta": { "role": "assistant", "content": text }, "finish_reason": "stop",
    });
    let chunk = json!({ "model": asked.model, "choices": [choice], "usage": usage });
    let body = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    whole(200, &[("content-type", "text/event-stream".to_owned())], body.as_bytes())
}

fn converse(text: &str, input: usize, output: usize) -> Vec<u8> {
    let message = json!({ "role": "assistant", "content": [{ "text": text }] });
    let answer = json!({
        "output": { "message": message },
        "stopReason": "end_turn",
        "usage": { "inputTokens": input, "outputTokens": output, "totalTokens": input + output },
        "metrics": { "latencyMs": 1 },
    });
    json_answer(200, &answer)
}

fn text(asked: &Asked, hash: u64) -> String {
    let pick = |list: &[&'static str; 8], by: u32| {
        list[usize::try_from((hash >> by) % 8).unwrap_or_default()]
    };
    let (first, second) = (pick(&VERBS, 0), pick(&VERBS, 8));
    let (what, other) = (pick(&NOUNS, 16), pick(&NOUNS, 24));
    let turn = asked.messages.iter().filter(|message| message.role != "system").count();
    format!(
        "{speaker}, turn {turn}: let us {first} the {what}, then {second} the {other}. \
         (reference {hash:016x})",
        speaker = speaker(asked),
    )
}

/// Whom the system prompt says the model is, or the last message's name.
fn speaker(asked: &Asked) -> &str {
    let systems = asked.messages.iter().filter(|message| message.role == "system");
    let systems = systems.map(|message| message.content.text());
    let mut systems = systems.chain(asked.system.iter().map(|part| part.text.as_str()));
    let told = systems.find_map(|text| text.split_once("You are ")).map(|(_, rest)| rest);
    let told = told.and_then(|rest| rest.split([',', '.', '\n', '(']).next()).map(str::trim);
    let named = || asked.messages.last().and_then(|message| message.name.as_deref());
    told.filter(|name| (1..=60).contains(&name.len())).or_else(named).unwrap_or("The model")
}

/// The same in every process: `DefaultHasher::new` has fixed keys.
pub(super) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
