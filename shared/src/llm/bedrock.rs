//! Amazon Bedrock, by Converse.
//!
//! Credentials and region come from the environment. With `MODEL_API_KEY` the call carries a
//! Bedrock API key instead, and `MODEL_BASE_URL` replaces the endpoint: together they reach the
//! real service from a laptop whose AWS variables point at the emulator.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::anyhow;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Builder, SharedHttpClient, Token};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{InferenceConfiguration, StopReason};

use super::reply::Reply;
use super::retry::{Failure, retry_after};
use super::{Finish, Prompt, Settings, turns};
use crate::config::{self, Secret};
use crate::{Result, aws};

const NOT_CALLED: &str = "no call to Bedrock could be made: check AWS_REGION, AWS_ACCESS_KEY_ID and \
                          AWS_SECRET_ACCESS_KEY, or set MODEL_API_KEY";

pub(super) struct Client {
    model: String,
    endpoint: Option<String>,
    api_key: Option<Secret<String>>,
    silence: Duration,
    http: SharedHttpClient,
    sdk: OnceLock<aws_sdk_bedrockruntime::Client>,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        settings.base_url()?;
        Ok(Self {
            model: settings.model()?.to_owned(),
            endpoint: settings.base_url.clone(),
            api_key: settings.api_key.clone(),
            silence: settings.timeout,
            http: aws::client()?,
            sdk: OnceLock::new(),
        })
    }

    pub(super) async fn call(&self, prompt: &Prompt) -> Result<Reply, Failure> {
        let limit = i32::try_from(prompt.max_tokens).unwrap_or(i32::MAX);
        let inference = InferenceConfiguration::builder()
            .max_tokens(limit)
            .temperature(prompt.temperature)
            .build();
        let call = self
            .sdk()
            .map_err(|_| Failure::last(NOT_CALLED))?
            .converse()
            .model_id(&self.model)
            .set_system(turns::system(prompt))
            .set_messages(Some(turns::messages(prompt)?))
            .inference_config(inference);
        match call.send().await {
            Ok(output) => reply(output),
            Err(error) => Err(failure(&error)),
        }
    }

    /// Made at the first call. Its own retries are off: ours count calls and know the deadline.
    fn sdk(&self) -> anyhow::Result<&aws_sdk_bedrockruntime::Client> {
        if let Some(sdk) = self.sdk.get() {
            return Ok(sdk);
        }
        let (service, http) = ("BEDROCK_RUNTIME", self.http.clone());
        let shared = match (&self.api_key, &self.endpoint) {
            // Nothing is signed and no endpoint is looked up: any region will do.
            (Some(_), Some(_)) => aws::unsigned(service, http, "us-east-1".into()),
            (Some(_), None) => aws::unsigned(service, http, config::aws_region()?),
            (None, _) => aws::signed(service, http)?,
        };
        let silence = TimeoutConfig::builder().operation_attempt_timeout(self.silence).build();
        let mut config =
            Builder::from(&shared).retry_config(RetryConfig::disabled()).timeout_config(silence);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        if let Some(key) = &self.api_key {
            config = config.bearer_token(Token::new(key.expose().as_str(), None));
        }
        let sdk = aws_sdk_bedrockruntime::Client::from_conf(config.build());
        Ok(self.sdk.get_or_init(|| sdk))
    }
}

fn reply(output: ConverseOutput) -> Result<Reply, Failure> {
    let usage = output.usage.as_ref().and_then(|usage| {
        let input = u32::try_from(usage.input_tokens).ok().filter(|input| *input > 0)?;
        Some((input, u32::try_from(usage.output_tokens).ok()?))
    });
    let finish = match &output.stop_reason {
        StopReason::EndTurn | StopReason::StopSequence => Finish::Stop,
        StopReason::MaxTokens => Finish::Length,
        _ => Finish::Other,
    };
    let held_back =
        matches!(output.stop_reason, StopReason::ContentFiltered | StopReason::GuardrailIntervened);
    let message = output.output.and_then(|output| output.as_message().ok().cloned());
    let blocks = message.map(|message| message.content).unwrap_or_default();
    let text: String = blocks.iter().filter_map(|block| block.as_text().ok()).cloned().collect();
    if held_back && text.trim().is_empty() {
        return Err(Failure::last("the provider's content filter held the answer back"));
    }
    Reply { text, finish, usage }.checked()
}

fn failure(error: &SdkError<ConverseError>) -> Failure {
    match error {
        SdkError::ServiceError(service) => {
            let headers = service.raw().headers();
            let wait =
                headers.get("retry-after").and_then(|wait| retry_after(wait, headers.get("date")));
            refusal(service.err(), service.raw().status().as_u16()).after(wait)
        }
        SdkError::TimeoutError(_) => Failure::passing(anyhow!("Bedrock did not answer in time")),
        // The SDK gives a broken connection a kind; missing credentials, which end here too, none.
        SdkError::DispatchFailure(failed)
            if failed.is_io() || failed.is_timeout() || failed.as_other().is_some() =>
        {
            let failure = Failure::passing(anyhow!("Bedrock could not be reached"));
            if never_connected(error) { failure.unread() } else { failure }
        }
        SdkError::ResponseError(response) if response.raw().status().as_u16() >= 500 => {
            Failure::passing(anyhow!("Bedrock answered {}", response.raw().status().as_u16()))
        }
        SdkError::ResponseError(_) => Failure::last(
            "Bedrock's answer could not be read: check MODEL_BASE_URL, or leave it unset",
        ),
        _ => Failure::last(NOT_CALLED),
    }
}

/// As hyper says it: nothing was sent.
fn never_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.to_string().contains("(Connect)"))
}

fn refusal(error: &ConverseError, status: u16) -> Failure {
    let passing = |what: &str| Failure::passing(anyhow!("Bedrock: {what} ({status})"));
    match error {
        ConverseError::ThrottlingException(_) => passing("too many requests").unread(),
        ConverseError::ModelTimeoutException(_) => passing("the model took too long"),
        ConverseError::ServiceUnavailableException(_) => passing("unavailable").unread(),
        ConverseError::InternalServerException(_) => passing("internal error"),
        ConverseError::ModelNotReadyException(_) => passing("the model is not ready").unread(),
        ConverseError::ModelErrorException(_) => passing("the model failed"),
        ConverseError::AccessDeniedException(_) => Failure::last(
            "Bedrock denied access: allow bedrock:InvokeModel on the model in MODEL_NAME, and \
             enable that model in this region",
        ),
        ConverseError::ResourceNotFoundException(_) => {
            Failure::last("Bedrock knows no such model: check MODEL_NAME and AWS_REGION")
        }
        ConverseError::ValidationException(_) => Failure::last(
            "Bedrock does not take this request: check MODEL_NAME (some models need an inference \
             profile such as eu.…) and MODEL_CONTEXT_TOKENS",
        ),
        other => super::status::failure(status, other.code(), None),
    }
}
