//! Models: one call in, one completion out, whoever answers.
//!
//! Three providers stand behind [`Llm`]: any OpenAI-compatible endpoint, Amazon Bedrock, and
//! `extractive`, which quotes the prompt and needs no weights. None of them is built before the
//! first call, and none of them logs a prompt, a reply, a key or a header.

mod bedrock;
mod body;
mod extractive;
mod openai;
mod price;
mod reply;
mod retry;
mod settings;
mod sse;
mod status;
mod tokens;
mod turns;

use std::time::Duration;

use tokio::time::Instant;

pub use price::{Price, price, prices_as_of};
pub use settings::{Provider, Settings};
pub use tokens::estimate_tokens;

use crate::Result;
use reply::Reply;
use retry::Policy;

/// A deadline nobody waits for; it stands in for one too far away to add to the clock.
const FAR: Duration = Duration::from_hours(24);

#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub messages: Vec<Message>,
    pub max_tokens: u32,
    pub temperature: f32,
    pub seed: Option<u64>,
    /// For the whole call: every attempt and every wait between them.
    pub deadline: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub role: Role,
    /// Sent where the protocol has a place for it. Few models read it: a speaker that must be
    /// known belongs in `content`.
    pub name: Option<String>,
    pub content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Never empty, never longer than 2 MiB, and without NUL, which Postgres cannot store.
    pub text: String,
    pub provider: &'static str,
    pub model: String,
    pub input_tokens: u32,
    pub output_tokens: u32,
    pub usage_estimated: bool,
    pub finish: Finish,
    /// Attempts made, this one included.
    pub calls: u32,
    pub duration_ms: u64,
}

impl Completion {
    /// With what another call used that this one needed.
    #[must_use]
    pub fn with(mut self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return self };
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.usage_estimated |= other.usage_estimated;
        self.calls = self.calls.saturating_add(other.calls);
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        self
    }
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    Stop,
    Length,
    Other,
}

impl Finish {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Other => "other",
        }
    }
}

/// Of an error's cause: no call reached the model, or it took none, so nothing was paid for.
pub fn is_unread(cause: &anyhow::Error) -> bool {
    cause.downcast_ref::<retry::Unread>().is_some()
}

/// Whoever listens while a model answers: the number of the call, and its text so far. Another call
/// begins again.
pub type Heard<'a> = dyn Fn(u32, &str) + Sync + 'a;

/// The configured model.
pub struct Llm {
    backend: Backend,
    provider: &'static str,
    model: String,
    context_tokens: u32,
    policy: Policy,
}

enum Backend {
    OpenAi(openai::Client),
    Bedrock(bedrock::Client),
    Extractive,
}

impl Llm {
    /// Checks the settings and opens nothing: the first call does.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        let backend = match settings.provider {
            Provider::OpenAi => Backend::OpenAi(openai::Client::new(settings)?),
            Provider::Bedrock => Backend::Bedrock(bedrock::Client::new(settings)?),
            Provider::Extractive => Backend::Extractive,
        };
        let (provider, model) = match &backend {
            Backend::OpenAi(client) => (client.provider(), settings.model.clone()),
            Backend::Bedrock(_) => ("bedrock", settings.model.clone()),
            Backend::Extractive => ("extractive", extractive::MODEL.to_owned()),
        };
        let context_tokens = settings.context_tokens;
        Ok(Self { backend, provider, model, context_tokens, policy: Policy::default() })
    }

    pub async fn complete(&self, prompt: &Prompt) -> Result<Completion> {
        self.ask(prompt, &self.policy, &|_, _| {}).await
    }

    /// The same, but nothing is asked again after a call that may have been paid for: what was held
    /// for it is used up. [`is_unread`] tells of an error whether it was such a one. `heard` is told of
    /// the text while it comes, where a provider streams it.
    pub async fn complete_paid_once(
        &self,
        prompt: &Prompt,
        heard: &Heard<'_>,
    ) -> Result<Completion> {
        self.ask(prompt, &Policy { pays_again: false, ..self.policy }, heard).await
    }

    async fn ask(&self, prompt: &Prompt, policy: &Policy, heard: &Heard<'_>) -> Result<Completion> {
        let started = Instant::now();
        let deadline = started + prompt.deadline.min(FAR);
        let (reply, calls) = match &self.backend {
            Backend::OpenAi(client) => {
                retry::run(policy, deadline, |call| client.call(prompt, call, heard)).await?
            }
            Backend::Bedrock(client) => {
                retry::run(policy, deadline, |_| client.call(prompt)).await?
            }
            Backend::Extractive => (extractive::answer(prompt), 1),
        };
        Ok(self.completion(prompt, reply, calls, started))
    }

    fn completion(
        &self,
        prompt: &Prompt,
        reply: Reply,
        calls: u32,
        started: Instant,
    ) -> Completion {
        let estimated = || (tokens::of_prompt(prompt), estimate_tokens(&reply.text));
        let (input_tokens, output_tokens) = reply.usage.unwrap_or_else(estimated);
        Completion {
            input_tokens,
            output_tokens,
            usage_estimated: reply.usage.is_none(),
            text: reply.text,
            provider: self.provider,
            model: self.model.clone(),
            finish: reply.finish,
            calls,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub fn model(&self) -> &str {
        &self.model
    }

    /// `openai`, `openai-compatible`, `local` (an endpoint on loopback), `bedrock` or `extractive`:
    /// who is paid, which is what [`price`] needs to know.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// How many tokens of prompt one call may carry.
    pub fn context_tokens(&self) -> u32 {
        self.context_tokens
    }
}
