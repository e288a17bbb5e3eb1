//! What is going on between a client and a person: sign-ins, codes, sessions, refresh tokens.

use std::collections::HashMap;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::form::Form;
use crate::refresh::Families;

#[derive(Default)]
pub(crate) struct Grants {
    /// Sign-ins that are not finished, by the `state` of our own pages.
    pub(crate) requests: HashMap<String, Request>,
    pub(crate) codes: HashMap<String, Code>,
    /// Of browsers, by cookie.
    pub(crate) sessions: HashMap<String, Session>,
    pub(crate) families: Families,
    /// Tokens for `/api/v2`, with their scopes and end.
    pub(crate) management: HashMap<String, (String, i64)>,
}

/// What a client asked `/authorize` for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) client: String,
    pub(crate) redirect: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) challenge: String,
    pub(crate) scope: String,
    pub(crate) audience: String,
    pub(crate) organization: String,
    pub(crate) login_hint: String,
    pub(crate) wants_second: bool,
    pub(crate) max_age: Option<i64>,
    /// The person whose password was right, until the second factor is too.
    pub(crate) half: Option<Session>,
}

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) since: i64,
    pub(crate) second: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) request: Request,
    pub(crate) session: Session,
    pub(crate) organization: Option<String>,
    pub(crate) until: i64,
    /// The family of what it was exchanged for: a second exchange ends it.
    pub(crate) used: Option<String>,
}

impl Request {
    pub(crate) fn of(query: &Form) -> Self {
        let text = |name| query.get(name).to_owned();
        Self {
            client: text("client_id"),
            redirect: text("redirect_uri"),
            state: text("state"),
            nonce: text("nonce"),
            challenge: text("code_challenge"),
            scope: text("scope"),
            audience: text("audience"),
            organization: text("organization"),
            login_hint: text("login_hint"),
            wants_second: query.get("acr_values").contains("multi-factor"),
            max_age: query.get("max_age").parse().ok(),
            half: None,
        }
    }

    pub(crate) fn asks(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|one| one == scope)
    }
}

/// An error of `/oauth/…`.
pub(crate) struct Refused(pub(crate) StatusCode, pub(crate) &'static str, pub(crate) &'static str);

impl Refused {
    pub(crate) fn grant(why: &'static str) -> Self {
        Self(StatusCode::FORBIDDEN, "invalid_grant", why)
    }

    pub(crate) fn client() -> Self {
        Self(StatusCode::UNAUTHORIZED, "access_denied", "Unauthorized")
    }

    pub(crate) fn request(why: &'static str) -> Self {
        Self(StatusCode::BAD_REQUEST, "invalid_request", why)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.1, "error_description": self.2 });
        (self.0, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}
