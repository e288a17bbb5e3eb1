//! SCIM's form of bodies, answers and errors (RFC 7644): JSON under another media type.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Json;
use crate::{Error, Result};

pub const SCIM_TYPE: &str = "application/scim+json";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Problems are a sentence long.
const LONGEST_PROBLEM: usize = 64 * 1024;

/// A body under SCIM's media type, or under JSON's own.
pub struct ScimBody<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for ScimBody<T> {
    type Rejection = Error;

    async fn from_request(mut request: Request, state: &S) -> Result<Self> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let essence = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(SCIM_TYPE) {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        Json::from_request(request, state).await.map(|Json(value)| Self(value))
    }
}

/// Which version a client wants changed, and which it has already.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// `If-Match`.
    pub only: Option<String>,
    /// `If-None-Match`.
    pub none: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Match {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        let text = |name| text(&parts.headers, name);
        Ok(Self { only: text(header::IF_MATCH), none: text(header::IF_NONE_MATCH) })
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// An answer in SCIM's form.
pub struct Scim<T> {
    /// `None`: the client has it already.
    value: Option<T>,
    tag: Option<String>,
}

impl<T> Scim<T> {
    pub fn ok(value: T) -> Self {
        Self { value: Some(value), tag: None }
    }

    /// `304 Not Modified`.
    pub fn unchanged(tag: String) -> Self {
        Self { value: None, tag: Some(tag) }
    }

    #[must_use]
    pub fn tagged(self, tag: String) -> Self {
        Self { tag: Some(tag), ..self }
    }

    pub fn created(self, location: String) -> ScimCreated<T> {
        ScimCreated { answer: self, location }
    }
}

/// `201 Created`, and where it is.
pub struct ScimCreated<T> {
    answer: Scim<T>,
    location: String,
}

/// `204 No Content`.
pub struct Nothing;

impl<T: Serialize> IntoResponse for Scim<T> {
    fn into_response(self) -> Response {
        let mut response = match self.value {
            Some(value) => axum::Json(value).into_response(),
            None => StatusCode::NOT_MODIFIED.into_response(),
        };
        let headers = response.headers_mut();
        if headers.contains_key(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SCIM_TYPE));
        }
        put(headers, header::ETAG, self.tag.as_deref());
        response
    }
}

impl<T: Serialize> IntoResponse for ScimCreated<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        *response.status_mut() = StatusCode::CREATED;
        put(response.headers_mut(), header::LOCATION, Some(&self.location));
        response
    }
}

impl IntoResponse for Nothing {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(name, value);
    }
}

/// Whether what is asked for speaks SCIM.
pub(super) fn is_scim(path: &str) -> bool {
    path.starts_with("/scim/")
}

/// A problem, whoever gave it, in the form that SCIM's clients read (RFC 7644, 3.12).
pub(super) async fn dressed(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != "application/problem+json") {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let problem = to_bytes(body, LONGEST_PROBLEM).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&problem).unwrap_or_default();
    let code = problem["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default();
    let (status, kind) = match code {
        "invalid" => (StatusCode::BAD_REQUEST, Some("invalidValue")),
        "malformed" => (StatusCode::BAD_REQUEST, Some("invalidSyntax")),
        "scim-invalid-filter" => (StatusCode::BAD_REQUEST, Some("invalidFilter")),
        "scim-invalid-path" => (StatusCode::BAD_REQUEST, Some("invalidPath")),
        "scim-no-target" => (StatusCode::BAD_REQUEST, Some("noTarget")),
        "scim-mutability" => (StatusCode::BAD_REQUEST, Some("mutability")),
        "conflict" => (StatusCode::CONFLICT, Some("uniqueness")),
        _ => (parts.status, None),
    };
    let mut error = json!({
        "schemas": [ERROR], "status": status.as_u16().to_string(), "detail": problem["detail"],
    });
    if let Some(kind) = kind {
        error["scimType"] = kind.into();
    }
    parts.status = status;
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SCIM_TYPE));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(error.to_string()))
}
