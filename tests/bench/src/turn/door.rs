//! Cadre's two doors, in this process or in the host's: the API, and the Lambda Invoke API.

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt;

#[derive(Clone)]
pub(crate) struct Door {
    house: House,
    /// Of somebody who may do everything.
    pub(crate) token: String,
}

#[derive(Clone)]
enum House {
    Here(Router),
    There { http: reqwest::Client, url: String },
}

impl Door {
    pub(crate) fn here(router: Router, token: &str) -> Self {
        Self { house: House::Here(router), token: token.to_owned() }
    }

    pub(crate) fn there(url: &str, token: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        Ok(Self { house: House::There { http, url: url.to_owned() }, token: token.to_owned() })
    }

    /// What the API answers to a `POST`, if it is a success.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let (status, _, answer) = self.send(path, body.to_string()).await?;
        ensure!((200..300).contains(&status), "{path}: {status} {answer}");
        Ok(answer)
    }

    /// What a function gives for an event.
    pub(crate) async fn invoke(&self, function: &str, event: String) -> Result<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let (status, failed, answer) = self.send(&path, event).await?;
        if status != 200 || failed {
            bail!("{function}: {answer}");
        }
        Ok(answer)
    }

    async fn send(&self, path: &str, body: String) -> Result<(u16, bool, Value)> {
        let failed = "x-amz-function-error";
        match &self.house {
            House::Here(router) => {
                let request = Request::post(path)
                    .header("content-type", "application/json")
                    .header("authorization", format!("Bearer {}", self.token));
                let request = request.body(Body::from(body))?;
                let response = router.clone().oneshot(request).await?;
                let (parts, body) = response.into_parts();
                let bytes = to_bytes(body, usize::MAX).await?;
                let answer = serde_json::from_slice(&bytes).context("the answer")?;
                Ok((parts.status.as_u16(), parts.headers.contains_key(failed), answer))
            }
            House::There { http, url } => {
                let request = http.post(format!("{url}{path}")).bearer_auth(&self.token);
                let request = request.header("content-type", "application/json").body(body);
                let response = request.send().await?;
                let (status, failed) =
                    (response.status().as_u16(), response.headers().contains_key(failed));
                let answer = serde_json::from_slice(&response.bytes().await?);
                Ok((status, failed, answer.context("the answer")?))
            }
        }
    }
}
