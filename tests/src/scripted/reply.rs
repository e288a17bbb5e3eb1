//! One reply of the scripted model, sound or broken.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::echo;
use super::wire::{LAST_CHUNK, Request, Step, chunk, chunked, whole};

/// Long enough that two chunks arrive as two.
const APART: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
pub enum Reply {
    /// A short text that follows from the request, in the form the request asks for.
    Echo,
    /// This text, streamed word by word, with usage.
    Text(String),
    /// This text, word by word with so long between two; a word `{now}` is when it is sent, as
    /// [`now`] counts.
    Slow(String, Duration),
    /// As [`Reply::Slow`], and then the connection breaks.
    SlowCut(String, Duration),
    /// This text as one JSON document, whatever was asked for.
    Document(String),
    /// An answer without a completion.
    Status { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Status 200 with this body.
    Body { content_type: &'static str, bytes: Vec<u8> },
    /// A stream of exactly these chunks, each in its own packet.
    Chunks(Vec<Vec<u8>>),
    /// Never answers.
    Silence,
    /// Begins with this text, then never goes on.
    Stall(String),
    /// Begins with this text, then the connection breaks.
    Cut(String),
    /// Begins with this text, then ends as if nothing were missing.
    Ended(String),
    /// Never ends: the same word at this interval.
    Endless(Duration),
    /// No HTTP at all.
    Bytes(Vec<u8>),
}

impl Reply {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub fn status(status: u16) -> Self {
        let body = json!({ "error": { "message": "scripted", "type": "scripted_error" } });
        Self::Status { status, headers: vec![], body: body.to_string() }
    }

    /// 429, come back in so many seconds.
    pub fn too_many_requests(seconds: u32) -> Self {
        Self::status(429).header("retry-after", seconds.to_string())
    }

    /// 429, come back at that time, as an HTTP date.
    pub fn too_many_requests_until(wait: Duration) -> Self {
        let date = |at: Timestamp| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let now = Timestamp::now();
        let until = date(now + wait);
        Self::status(429).header("date", date(now)).header("retry-after", until)
    }

    /// 529, as an overloaded provider says it.
    pub fn overloaded() -> Self {
        Self::status(529)
    }

    /// A text of so many bytes.
    pub fn big(bytes: usize) -> Self {
        let piece = event(&delta(&"x".repeat(64 * 1024)));
        let mut chunks = vec![piece; bytes.div_ceil(64 * 1024)];
        chunks.push(ending(None));
        Self::Chunks(chunks)
    }

    /// The text without the chunk that tells the usage.
    pub fn without_usage(text: &str) -> Self {
        Self::Chunks([deltas(text), vec![ending(None)]].concat())
    }

    /// The end and the usage come twice.
    pub fn ended_twice(text: &str) -> Self {
        let end = ending(Some(usage(text)));
        Self::Chunks([deltas(text), vec![end.clone(), end]].concat())
    }

    /// Every byte in its own packet, so that every character of the text is split.
    pub fn byte_by_byte(text: &str) -> Self {
        let bytes = [deltas(text), vec![ending(Some(usage(text)))]].concat().concat();
        Self::Chunks(bytes.into_iter().map(|byte| vec![byte]).collect())
    }

    /// Begins well; then comes a chunk that is no JSON.
    pub fn damaged(text: &str) -> Self {
        Self::Chunks([deltas(text), vec![b"data: {\"choices\":[{\n\n".to_vec()]].concat())
    }

    /// A recorded answer of Bedrock's Converse.
    pub fn converse(recorded: &Value) -> Self {
        Self::Body { content_type: "application/json", bytes: recorded.to_string().into_bytes() }
    }

    /// A recorded refusal of Bedrock's Converse.
    pub fn converse_error(status: u16, name: &str) -> Self {
        let body = json!({ "message": "scripted" }).to_string();
        Self::Status { status, headers: vec![], body }.header("x-amzn-errortype", name.to_owned())
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        if let Self::Status { headers, .. } = &mut self {
            headers.push((name, value));
        }
        self
    }

    pub(super) fn steps(&self, request: &Request<'_>) -> Vec<Step> {
        match self {
            Self::Echo => vec![Step::Send(echo::answer(request))],
            Self::Text(text) => stream(&[deltas(text), vec![ending(Some(usage(text)))]].concat()),
            Self::Slow(text, pause) => slow(&text.replace("{now}", &now().to_string()), *pause),
            Self::SlowCut(text, pause) => {
                let mut steps = slow(text, *pause);
                // The end and what comes after it.
                steps.truncate(steps.len() - 4);
                steps.push(Step::Close);
                steps
            }
            Self::Document(text) => vec![Step::Send(json_answer(200, &document(text)))],
            Self::Status { status, headers, body } => {
                vec![Step::Send(whole(*status, headers, body.as_bytes()))]
            }
            Self::Body { content_type, bytes } => {
                vec![Step::Send(whole(200, &[("content-type", (*content_type).to_owned())], bytes))]
            }
            Self::Chunks(chunks) => apart(stream(chunks)),
            Self::Silence => vec![Step::Hang],
            Self::Stall(text) => begun(text, Step::Hang),
            Self::Cut(text) => begun(text, Step::Close),
            Self::Ended(text) => begun(text, Step::Send(LAST_CHUNK.to_vec())),
            Self::Endless(pause) => {
                begun("once", Step::Forever(chunk(&event(&delta(" more"))), *pause))
            }
            Self::Bytes(bytes) => vec![Step::Send(bytes.clone()), Step::Close],
        }
    }
}

/// Microseconds since this process first asked.
pub fn now() -> u128 {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGUN.elapsed().as_micros()
}

fn slow(text: &str, pause: Duration) -> Vec<Step> {
    let mut steps = stream(&[deltas(text), vec![ending(Some(usage(text)))]].concat());
    let last = steps.split_off(1);
    steps.extend(last.into_iter().flat_map(|step| [step, Step::Wait(pause)]));
    steps
}

fn stream(chunks: &[Vec<u8>]) -> Vec<Step> {
    let mut steps = vec![Step::Send(chunked(&[("content-type", "text/event-stream".to_owned())]))];
    steps.extend(chunks.iter().map(|bytes| Step::Send(chunk(bytes))));
    steps.push(Step::Send(LAST_CHUNK.to_vec()));
    steps
}

/// Small chunks are kept apart by time; big ones are apart anyway.
fn apart(steps: Vec<Step>) -> Vec<Step> {
    if steps.len() > 64 {
        return steps;
    }
    steps.into_iter().flat_map(|step| [step, Step::Wait(APART)]).collect()
}

fn begun(text: &str, then: Step) -> Vec<Step> {
    let mut steps = stream(&deltas(text));
    steps.pop();
    steps.extend([Step::Wait(APART), then]);
    steps
}

fn deltas(text: &str) -> Vec<Vec<u8>> {
    text.split_inclusive(' ').map(|word| event(&delta(word))).collect()
}

fn delta(text: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
}

fn ending(usage: Option<Value>) -> Vec<u8> {
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let usage = usage.map(|usage| event(&json!({ "choices": [], "usage": usage })));
    [event(&end), usage.unwrap_or_default(), b"data: [DONE]\n\n".to_vec()].concat()
}

fn event(json: &Value) -> Vec<u8> {
    format!("data: {json}\n\n").into_bytes()
}

/// What a script's text is said to have used: 11 in, and a token for each word out.
fn usage(text: &str) -> Value {
    json!({ "prompt_tokens": 11, "completion_tokens": text.split(' ').count() })
}

pub(super) fn document(text: &str) -> Value {
    let message = json!({ "role": "assistant", "content": text });
    json!({
        "object": "chat.completion",
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
        "usage": usage(text),
    })
}

pub(super) fn json_answer(status: u16, json: &Value) -> Vec<u8> {
    let headers = [("content-type", "application/json".to_owned())];
    whole(status, &headers, json.to_string().as_bytes())
}
