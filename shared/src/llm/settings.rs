//! Which model, and how to reach it.

use std::time::Duration;

use anyhow::Context;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};

use crate::config::{self, Secret};
use crate::{Error, Result};

/// The parts of a request that belong to this crate and no setting may replace.
const OURS: [&str; 4] = ["messages", "model", "stream", "stream_options"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    OpenAi,
    Bedrock,
    Extractive,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub provider: Provider,
    /// `MODEL_BASE_URL`, up to but without `/chat/completions`; for Bedrock, another endpoint.
    pub base_url: Option<String>,
    /// `MODEL_API_KEY`; for Bedrock an API key instead of AWS credentials.
    pub api_key: Option<Secret<String>>,
    /// `MODEL_NAME`.
    pub model: String,
    /// `MODEL_CONTEXT_TOKENS`.
    pub context_tokens: u32,
    /// `MODEL_TIMEOUT_SECONDS`: how long one attempt may stay silent.
    pub timeout: Duration,
    /// `MODEL_SAMPLING`: merged into an OpenAI-compatible request, `null` takes a field away.
    pub sampling: Map<String, Value>,
}

impl Settings {
    /// With nothing set at all it is the extractive provider, which needs nothing.
    pub fn from_env() -> anyhow::Result<Self> {
        let base_url = config::optional("MODEL_BASE_URL");
        let provider = match config::optional("MODEL_PROVIDER").as_deref() {
            Some("openai") => Provider::OpenAi,
            Some("bedrock") => Provider::Bedrock,
            Some("extractive") => Provider::Extractive,
            Some(other) => {
                anyhow::bail!("MODEL_PROVIDER=`{other}`: say openai, bedrock or extractive")
            }
            None if base_url.is_some() => Provider::OpenAi,
            None => Provider::Extractive,
        };
        let sampling = config::optional("MODEL_SAMPLING").unwrap_or_else(|| "{}".to_owned());
        Ok(Self {
            provider,
            base_url,
            api_key: config::optional("MODEL_API_KEY").map(Secret::new),
            model: config::optional("MODEL_NAME").unwrap_or_default(),
            context_tokens: config::parsed("MODEL_CONTEXT_TOKENS", 8000)?,
            timeout: Duration::from_secs(config::parsed("MODEL_TIMEOUT_SECONDS", 60)?),
            sampling: serde_json::from_str(&sampling)
                .context("MODEL_SAMPLING is not a JSON object")?,
        })
    }

    pub(super) fn model(&self) -> Result<&str> {
        if self.model.trim().is_empty() {
            return Err(Error::Invalid("set MODEL_NAME: the provider needs a model".to_owned()));
        }
        Ok(&self.model)
    }

    pub(super) fn base_url(&self) -> Result<Option<Url>> {
        let Some(base_url) = &self.base_url else { return Ok(None) };
        let url = Url::parse(base_url)
            .map_err(|error| Error::Invalid(format!("MODEL_BASE_URL is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            let problem = "MODEL_BASE_URL must start with http:// or https://";
            return Err(Error::Invalid(problem.to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let problem = "MODEL_BASE_URL must not hold a password: use MODEL_API_KEY";
            return Err(Error::Invalid(problem.to_owned()));
        }
        if self.api_key.is_some() && url.scheme() == "http" && !is_loopback(&url) {
            let problem = "MODEL_API_KEY would travel unencrypted: MODEL_BASE_URL must be https";
            return Err(Error::Invalid(problem.to_owned()));
        }
        Ok(Some(url))
    }

    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>> {
        let Some(key) = &self.api_key else { return Ok(None) };
        let mut header =
            HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| {
                Error::Invalid("MODEL_API_KEY has characters no header can carry".to_owned())
            })?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    pub(super) fn sampling(&self) -> Result<&Map<String, Value>> {
        match OURS.iter().find(|field| self.sampling.contains_key(**field)) {
            Some(field) => {
                Err(Error::Invalid(format!("MODEL_SAMPLING cannot set `{field}`: take it out")))
            }
            None => Ok(&self.sampling),
        }
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Llm;

    fn settings(base_url: &str) -> Settings {
        Settings {
            provider: Provider::OpenAi,
            base_url: Some(base_url.to_owned()),
            api_key: None,
            model: "a-model".to_owned(),
            context_tokens: 8000,
            timeout: Duration::from_secs(1),
            sampling: Map::new(),
        }
    }

    fn refusal(settings: &Settings) -> String {
        Llm::from_settings(settings).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn who_is_paid_follows_from_the_address() {
        let provider = |url| Llm::from_settings(&settings(url)).map(|llm| llm.provider());
        assert_eq!(provider("http://127.0.0.1:8080/v1").ok(), Some("local"));
        assert_eq!(provider("http://[::1]:8080/v1").ok(), Some("local"));
        assert_eq!(provider("https://api.openai.com/v1").ok(), Some("openai"));
        assert_eq!(provider("https://llm.example.com/v1/").ok(), Some("openai-compatible"));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        assert!(refusal(&settings("model.example.com")).contains("MODEL_BASE_URL"));
        assert!(refusal(&settings("file:///etc/passwd")).contains("MODEL_BASE_URL"));
        assert!(refusal(&settings("https://me:pw@example.com/v1")).contains("MODEL_API_KEY"));
        let nameless = Settings { model: String::new(), ..settings("http://127.0.0.1/v1") };
        assert!(refusal(&nameless).contains("MODEL_NAME"));
        let nowhere = Settings { base_url: None, ..settings("") };
        assert!(refusal(&nowhere).contains("MODEL_BASE_URL"));
        let mut greedy = settings("http://127.0.0.1/v1");
        greedy.sampling.insert("messages".to_owned(), Value::Null);
        assert!(refusal(&greedy).contains("MODEL_SAMPLING"));
    }

    #[test]
    fn a_key_is_not_sent_unencrypted_nor_printed() {
        let key = Some(Secret::new("sk-very-secret".to_owned()));
        let open = Settings { api_key: key.clone(), ..settings("http://10.0.0.8/v1") };
        assert!(refusal(&open).contains("https"));
        let broken = Some(Secret::new("sk-secret\n".to_owned()));
        let broken = Settings { api_key: broken, ..settings("https://example.com/v1") };
        assert!(refusal(&broken).contains("MODEL_API_KEY"));
        assert!(!refusal(&broken).contains("sk-secret"));
        let kept = Settings { api_key: key, ..settings("https://example.com/v1") };
        assert!(!format!("{kept:?}").contains("very"));
    }
}
