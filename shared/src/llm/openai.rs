//! Any OpenAI-compatible endpoint: chat completions, streamed.

use std::time::Duration;

use anyhow::anyhow;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url, redirect};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::body::{Dialect, body};
use super::reply::{Gatherer, Reply};
use super::retry::{Again, Failure, retry_after};
use super::settings::is_loopback;
use super::{Heard, Prompt, Settings, status};
use crate::{Error, Result};

const OPENAI: &str = "api.openai.com";
const CONNECT: Duration = Duration::from_secs(5);
/// A Lambda that slept has dead connections: an idle one is not trusted for longer.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);
/// Enough of an error's body to hold its code.
const ERROR_BODY: usize = 64 * 1024;
/// How long to wait for the usage, or the end of the body, once the text is whole.
const AFTER_THE_TEXT: Duration = Duration::from_millis(500);

pub(super) struct Client {
    url: Url,
    authorization: Option<HeaderValue>,
    model: String,
    /// The longest silence within one attempt.
    silence: Duration,
    sampling: Map<String, Value>,
    http: OnceCell<reqwest::Client>,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let Some(mut url) = settings.base_url()? else {
            let problem = "set MODEL_BASE_URL: the openai provider needs an address";
            return Err(Error::Invalid(problem.to_owned()));
        };
        let path = format!("{}/chat/completions", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self {
            url,
            authorization: settings.authorization()?,
            model: settings.model()?.to_owned(),
            silence: settings.timeout,
            sampling: settings.sampling()?.clone(),
            http: OnceCell::new(),
        })
    }

    pub(super) fn provider(&self) -> &'static str {
        match self.url.host_str() {
            Some(OPENAI) => "openai",
            _ if is_loopback(&self.url) => "local",
            _ => "openai-compatible",
        }
    }

    pub(super) async fn call(
        &self,
        prompt: &Prompt,
        call: u32,
        heard: &Heard<'_>,
    ) -> Result<Reply, Failure> {
        // Another attempt is another draw, or an empty answer would come back empty.
        let seed = prompt.seed.map(|seed| seed.wrapping_add(u64::from(call - 1)));
        let body = body(&self.model, prompt, seed, self.dialect(), &self.sampling);
        let mut request = self.http().await?.post(self.url.clone()).json(&body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = self.before_silence(request.send()).await??;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        self.read(response, |text| heard(call, text)).await
    }

    fn dialect(&self) -> Dialect {
        match self.provider() {
            "openai" => Dialect::OpenAi,
            _ => Dialect::Compatible,
        }
    }

    async fn read(&self, mut response: Response, heard: impl Fn(&str)) -> Result<Reply, Failure> {
        let mut gatherer = Gatherer::default();
        loop {
            let whole = gatherer.is_finished() || gatherer.is_done();
            let patience = if whole { AFTER_THE_TEXT.min(self.silence) } else { self.silence };
            match timeout(patience, response.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    gatherer.push(&bytes)?;
                    heard(gatherer.text());
                }
                // Read to the very end, so that the connection can serve the next call.
                Ok(Ok(None)) => return gatherer.reply(),
                Ok(Err(_)) | Err(_) if whole => return gatherer.reply(),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(self.silent()),
            }
        }
    }

    async fn refusal(&self, mut response: Response) -> Failure {
        let status = response.status().as_u16();
        let wait = requested_wait(response.headers());
        let mut body = Vec::new();
        while body.len() < ERROR_BODY {
            match self.before_silence(response.chunk()).await {
                Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
                _ => break,
            }
        }
        status::failure(status, status::code_of(&body).as_deref(), wait)
    }

    async fn before_silence<T>(&self, answer: impl Future<Output = T>) -> Result<T, Failure> {
        timeout(self.silence, answer).await.map_err(|_| self.silent())
    }

    fn silent(&self) -> Failure {
        Failure::passing(anyhow!("the model was silent for {:?}", self.silence))
    }

    /// Made at the first call: TLS roots are read then, and for plain HTTP not at all.
    async fn http(&self) -> Result<&reqwest::Client, Failure> {
        let make = async || {
            let mut builder = reqwest::Client::builder()
                .user_agent("cadre")
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT.min(self.silence))
                .pool_idle_timeout(IDLE_CONNECTION);
            if self.url.scheme() == "http" {
                builder = builder.tls_certs_only([]);
            }
            if is_loopback(&self.url) {
                builder = builder.no_proxy();
            }
            builder.build()
        };
        Ok(self.http.get_or_try_init(make).await?)
    }
}

/// Milliseconds are an extension, and finer, so they go first.
fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let millis = text("retry-after-ms").and_then(|millis| millis.trim().parse::<u32>().ok());
    millis
        .map(|millis| Duration::from_millis(u64::from(millis)))
        .or_else(|| retry_after(text(RETRY_AFTER.as_str())?, text(DATE.as_str())))
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            return Self {
                error: Error::Internal(error.into()),
                again: Again::Never,
                unread: true,
            };
        }
        // llama.cpp promises to keep a connection open, and closes it after every stream.
        let died = error.is_request() && !error.is_connect();
        let error_before_answer = error.is_request() || error.is_connect();
        let failure = Self::passing(anyhow!(error).context("the model could not be reached"));
        let unread = error_before_answer;
        let again = if died { Again::Now } else { failure.again };
        Self { again, unread, ..failure }
    }
}
