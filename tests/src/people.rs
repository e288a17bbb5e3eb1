//! People who use the product through its door.

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use shared::config::{AMR_CLAIM, AUTH_TIME_CLAIM};
use tower::ServiceExt;
use uuid::Uuid;

use crate::{EVERYTHING, House};

/// A tenant of its own for each test, so that tests share a database and nothing else.
pub struct Organization<'a> {
    pub(crate) house: &'a House,
    pub org_id: String,
}

impl<'a> Organization<'a> {
    pub fn tenant(&self) -> Uuid {
        shared::auth::tenant_id(&self.org_id)
    }

    /// Somebody who may do everything.
    pub fn admin(&self) -> Person<'a> {
        self.member("ada", EVERYTHING)
    }

    /// What an administrator sends with each request.
    pub fn admin_token(&self) -> String {
        self.admin().token.unwrap_or_default()
    }

    /// Somebody who has just shown a second factor.
    pub fn member(&self, sub: &str, permissions: &[&str]) -> Person<'a> {
        self.with_claims(&self.claims(sub, permissions))
    }

    pub fn claims(&self, sub: &str, permissions: &[&str]) -> Value {
        json!({
            "sub": sub, "org_id": self.org_id, "permissions": permissions,
            AMR_CLAIM: ["pwd", "mfa"], AUTH_TIME_CLAIM: jiff::Timestamp::now().as_second(),
        })
    }

    /// Whoever the issuer says these claims of.
    pub fn with_claims(&self, claims: &Value) -> Person<'a> {
        self.house.with_token(&self.house.signer.token(claims))
    }
}

/// Somebody with a token, or without one.
pub struct Person<'a> {
    pub(crate) router: &'a Router,
    pub(crate) token: Option<String>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The body, if this is the status that was expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The last part of a problem's type, if this is a problem of that status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        if self.headers["content-type"] == "application/scim+json" {
            return self.scim_error(status);
        }
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert!(self.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        self.body["type"].as_str().unwrap().strip_prefix("urn:cadre:problem:").unwrap()
    }
}

impl Reply {
    /// The same, where SCIM has its own form of errors.
    #[track_caller]
    fn scim_error(&self, status: u16) -> &str {
        assert_eq!(self.body["status"], status.to_string(), "{}", self.body);
        assert!(self.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        match status {
            400 if self.body["scimType"] == "invalidSyntax" => "malformed",
            400 => "invalid",
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not-found",
            405 => "method-not-allowed",
            409 => "conflict",
            412 => "precondition-failed",
            413 => "too-large",
            415 => "unsupported-media-type",
            429 => "too-many-requests",
            other => panic!("{other}: {}", self.body),
        }
    }
}

impl Person<'_> {
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call("GET", path, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Reply> {
        self.call("POST", path, &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Reply> {
        self.call("PUT", path, &body).await
    }

    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Reply> {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Result<Reply> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(body.into())?).await?;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await?;
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }
}
