//! Bodies as browsers and OAuth clients send them: forms, and JSON where Auth0 takes it too.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};

#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn of(query: &str) -> Self {
        Self(serde_urlencoded::from_str(query).unwrap_or_default())
    }
}

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = StatusCode;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, StatusCode> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let json =
            kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.contains("json"));
        let bytes = to_bytes(request.into_body(), 64 * 1024).await;
        let bytes = bytes.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let fields = if json {
            serde_json::from_slice(&bytes).ok()
        } else {
            serde_urlencoded::from_bytes(&bytes).ok()
        };
        fields.map(Self).ok_or(StatusCode::BAD_REQUEST)
    }
}

/// One cookie of a request.
pub(crate) fn cookie(headers: &axum::http::HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}
