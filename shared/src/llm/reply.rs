//! What a model answered, put together from an OpenAI-compatible stream or document.

use anyhow::anyhow;
use serde::Deserialize;
use serde_json::Value;

use super::Finish;
use super::retry::Failure;
use super::sse::{Sse, TooLong};
use super::status;

/// No turn is a book: more is a model that does not stop, or no model at all.
const LONGEST_TEXT: usize = 2 * 1024 * 1024;
/// A document of that text, escaped.
const LONGEST_DOCUMENT: usize = 2 * LONGEST_TEXT;

const NOT_A_CHAT: &str = "the model's address answered with something that is not a chat \
    completion: check that MODEL_BASE_URL is an OpenAI-compatible endpoint";
const TOO_LONG: &str = "the model's answer is longer than 2 MiB: lower max_tokens, or choose a \
    model that keeps to it (MODEL_NAME)";

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) finish: Finish,
    /// Input and output tokens, when the provider told.
    pub(super) usage: Option<(u32, u32)>,
}

impl Reply {
    /// Refuses what no document or message can be made of.
    pub(super) fn checked(self) -> Result<Self, Failure> {
        let text = self.text.trim().replace('\0', "");
        if text.is_empty() && self.finish == Finish::Length {
            let sentence = "the model used all its tokens before it wrote a word: raise max_tokens";
            return Err(Failure::last(sentence));
        }
        if text.is_empty() {
            return Err(Failure::last("the model answered with an empty text").worth_another());
        }
        if text.len() > LONGEST_TEXT {
            return Err(Failure::last(TOO_LONG));
        }
        Ok(Self { text, ..self })
    }
}

/// Gathers a reply from the bytes of a body, whichever of the two forms it has.
#[derive(Default)]
pub(super) struct Gatherer {
    form: Form,
    text: String,
    finish: Option<Finish>,
    usage: Option<(u32, u32)>,
    /// Something that was a chunk of a chat has been seen, so the address is right.
    is_chat: bool,
    done: bool,
}

#[derive(Default)]
enum Form {
    #[default]
    Unknown,
    Document(Vec<u8>),
    Events(Sse),
}

impl Gatherer {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        // The first byte tells the form more reliably than the content type does.
        let bytes = match (&self.form, bytes.trim_ascii_start()) {
            (Form::Unknown, []) => return Ok(()),
            (Form::Unknown, start @ [b'{', ..]) => {
                self.form = Form::Document(Vec::new());
                start
            }
            (Form::Unknown, start) => {
                self.form = Form::Events(Sse::default());
                start
            }
            _ => bytes,
        };
        match std::mem::take(&mut self.form) {
            Form::Document(mut document) => {
                document.extend_from_slice(bytes);
                if document.len() > LONGEST_DOCUMENT {
                    return Err(Failure::last(TOO_LONG));
                }
                self.form = Form::Document(document);
            }
            Form::Events(mut sse) => {
                sse.push(bytes, |event| self.event(event))?;
                self.form = Form::Events(sse);
            }
            Form::Unknown => {}
        }
        Ok(())
    }

    /// What has come so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The provider has said that nothing follows.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The text is whole; usage may still follow.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    pub(super) fn reply(mut self) -> Result<Reply, Failure> {
        match std::mem::take(&mut self.form) {
            Form::Unknown => return Err(Failure::passing(anyhow!("the model's answer was empty"))),
            Form::Document(document) => self.document(&String::from_utf8_lossy(&document))?,
            Form::Events(mut sse) => sse.finish(|event| self.event(event))?,
        }
        if !self.is_chat {
            return Err(Failure::last(NOT_A_CHAT));
        }
        if self.finish.is_none() && !self.done {
            return Err(Failure::passing(anyhow!("the model's answer was cut off")));
        }
        let finish = self.finish.unwrap_or(Finish::Other);
        Reply { text: self.text, finish, usage: self.usage }.checked()
    }

    fn document(&mut self, document: &str) -> Result<(), Failure> {
        match serde_json::from_str(document) {
            Ok(chunk) => self.chunk(chunk)?,
            Err(error) if error.is_eof() => {
                return Err(Failure::passing(anyhow!("the model's answer was cut off")));
            }
            Err(_) => return Err(Failure::last(NOT_A_CHAT)),
        }
        self.done = true;
        Ok(())
    }

    fn event(&mut self, event: &str) -> Result<(), Failure> {
        match event.trim() {
            // A repeated or late event after the end changes nothing.
            _ if self.done => Ok(()),
            "" => Ok(()),
            "[DONE]" => {
                self.done = true;
                Ok(())
            }
            event => match serde_json::from_str(event) {
                Ok(chunk) => self.chunk(chunk),
                Err(_) if self.is_chat => {
                    Err(Failure::passing(anyhow!("the model's answer was damaged on the way")))
                }
                Err(_) => Err(Failure::last(NOT_A_CHAT)),
            },
        }
    }

    fn chunk(&mut self, chunk: Chunk) -> Result<(), Failure> {
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(status::in_stream(&error));
        }
        // Usage is a total, so the last one counts; adding them up would bill a repeat twice.
        if let Some(usage) = chunk.usage.and_then(|usage| usage.tokens()) {
            self.is_chat = true;
            self.usage = Some(usage);
        }
        let Some(choices) = chunk.choices else { return Ok(()) };
        self.is_chat = true;
        for choice in choices.into_iter().filter(|choice| choice.index == 0) {
            self.choice(choice)?;
        }
        Ok(())
    }

    fn choice(&mut self, choice: Choice) -> Result<(), Failure> {
        // What comes after the end is a repeat.
        if self.finish.is_some() {
            return Ok(());
        }
        if let Some(said) = choice.message.or(choice.delta) {
            if said.refusal.is_some_and(|refusal| !refusal.is_empty()) {
                return Err(Failure::last("the model declined to answer this"));
            }
            said.content.into_iter().for_each(|content| content.write(&mut self.text));
        }
        if self.text.len() > LONGEST_TEXT {
            return Err(Failure::last(TOO_LONG));
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("stop" | "eos") => self.finish = Some(Finish::Stop),
            Some("length") => self.finish = Some(Finish::Length),
            Some("content_filter") if self.text.trim().is_empty() => {
                return Err(Failure::last("the provider's content filter held the answer back"));
            }
            Some(_) => self.finish = Some(Finish::Other),
        }
        Ok(())
    }
}

impl From<TooLong> for Failure {
    fn from(_: TooLong) -> Self {
        Self::last(TOO_LONG)
    }
}

/// A chunk of a stream, and a whole document too: they differ in `delta` and `message`.
#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    delta: Option<Said>,
    message: Option<Said>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<Content>,
    refusal: Option<String>,
}

/// Text, or a list of parts of which the texts count.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Content {
    fn write(self, into: &mut String) {
        match self {
            Self::Text(text) => into.push_str(&text),
            Self::Parts(parts) => {
                parts
                    .into_iter()
                    .filter_map(|part| part.text)
                    .for_each(|text| into.push_str(&text));
            }
        }
    }
}

/// Of any type on purpose: a strange count must not cost the answer.
#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Value,
    #[serde(default)]
    completion_tokens: Value,
}

impl Usage {
    /// A provider that counted no prompt did not count.
    fn tokens(&self) -> Option<(u32, u32)> {
        let count = |value: &Value| value.as_u64().map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let input = count(&self.prompt_tokens).filter(|input| *input > 0)?;
        Some((input, count(&self.completion_tokens)?))
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
