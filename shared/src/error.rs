//! The one Error, and what each front door makes of it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;

use crate::gate::Told;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a client must ask the issuer for, and how long ago it may have been shown.
const STEP_UP: &str = "Bearer error=\"insufficient_user_authentication\", \
    error_description=\"A different authentication level is required\", \
    acr_values=\"http://schemas.openid.net/pape/policies/2007/06/multi-factor\", max_age=\"900\"";

/// Characters of a problem's sentence.
const LONGEST_DETAIL: usize = 500;

/// Everything that can go wrong, named by what the caller should do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request could not be read: not JSON, not UTF-8, not the declared length.
    #[error("{0}")]
    Malformed(String),
    /// The request was read and breaks a rule; the sentence says which and what to do.
    #[error("{0}")]
    Invalid(String),
    /// As `Invalid`, with a problem type of its own.
    #[error("{detail}")]
    Refused { code: &'static str, detail: String },
    #[error("sign in first: send a valid `Authorization: Bearer` token")]
    Unauthenticated,
    /// As `Unauthenticated`, to the letter: something was sent, and it proves nothing.
    #[error("sign in first: send a valid `Authorization: Bearer` token")]
    InvalidToken,
    /// The proof holds, but it is not strong or not recent enough for this (RFC 9470).
    #[error("this needs a second factor, shown in the last 15 minutes: sign in again with one")]
    StepUp,
    #[error("{0}")]
    Forbidden(String),
    /// Also: another tenant's.
    #[error("there is nothing here under that name or id")]
    NotFound,
    /// The path is there, under another method.
    #[error("this path does not answer that method: the `Allow` header names those it does")]
    MethodNotAllowed,
    #[error("{0}")]
    Conflict(String),
    /// `If-Match` names another version than there is.
    #[error("{0}")]
    PreconditionFailed(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// Somebody asks more often than they may.
    #[error("too many requests: wait {} s, then go on more slowly", .0.wait)]
    TooManyRequests(Box<Told>),
    /// The run, or whoever pays for it, may not spend more.
    #[error("{0}")]
    SpendCapReached(String),
    /// The same, but calls under way may give enough back: coming again later can help.
    #[error("{0}")]
    SpendHeld(String),
    /// Somebody switched spending off.
    #[error("{0}")]
    SpendStopped(String),
    /// The run was cancelled, failed or has ended: stop working on it.
    #[error("{0}")]
    RunStopped(String),
    /// The model's provider said no for good, or gave something that cannot be used.
    #[error("{0}")]
    ModelRefused(String),
    /// Worth trying again: Postgres, Redis, Step Functions or a model did not answer.
    #[error("a part of the system did not answer; try again in a moment")]
    Unavailable(#[source] anyhow::Error),
    #[error("something went wrong on our side; the request id leads to the log")]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// The name that a state machine's `Retry` and `Catch` use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Malformed",
            Self::Invalid(_) | Self::Refused { .. } => "Invalid",
            Self::Unauthenticated | Self::InvalidToken => "Unauthenticated",
            Self::StepUp => "StepUp",
            Self::Forbidden(_) => "Forbidden",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Conflict(_) => "Conflict",
            Self::PreconditionFailed(_) => "PreconditionFailed",
            Self::TooLarge(_) => "TooLarge",
            Self::UnsupportedMediaType(_) => "UnsupportedMediaType",
            Self::TooManyRequests(_) => "TooManyRequests",
            Self::SpendCapReached(_) => "SpendCapReached",
            Self::SpendHeld(_) => "SpendHeld",
            Self::SpendStopped(_) => "SpendStopped",
            Self::RunStopped(_) => "RunStopped",
            Self::ModelRefused(_) => "ModelRefused",
            Self::Unavailable(_) => "Unavailable",
            Self::Internal(_) => "Internal",
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) | Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthenticated | Self::InvalidToken | Self::StepUp => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) | Self::RunStopped(_) | Self::SpendStopped(_) => StatusCode::CONFLICT,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::SpendCapReached(_) | Self::SpendHeld(_) => StatusCode::PAYMENT_REQUIRED,
            Self::ModelRefused(_) => StatusCode::BAD_GATEWAY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The last part of the problem's `type`, which never changes for a given cause.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Invalid(_) => "invalid",
            Self::Refused { code, .. } => code,
            Self::Unauthenticated | Self::InvalidToken => "unauthenticated",
            Self::StepUp => "insufficient-user-authentication",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict(_) => "conflict",
            Self::PreconditionFailed(_) => "precondition-failed",
            Self::TooLarge(_) => "too-large",
            Self::UnsupportedMediaType(_) => "unsupported-media-type",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::SpendCapReached(_) => "spend-cap-reached",
            Self::SpendHeld(_) => "spend-held",
            Self::SpendStopped(_) => "spend-stopped",
            Self::RunStopped(_) => "run-stopped",
            Self::ModelRefused(_) => "model-refused",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// `WWW-Authenticate` (RFC 6750, RFC 9470): a code, and never why.
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated => Some("Bearer"),
            Self::InvalidToken => Some("Bearer error=\"invalid_token\""),
            Self::StepUp => Some(STEP_UP),
            _ => None,
        }
    }

    /// RFC 9457 problem details.
    pub fn problem(&self) -> Value {
        let status = self.status();
        json!({
            "type": format!("urn:cadre:problem:{}", self.code()),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": short(self.to_string()),
        })
    }

    /// Written once, at the door. The caller's own mistakes are not for a person to look at.
    pub fn log(&self) {
        match self {
            Self::Internal(cause) => tracing::error!(error = ?cause, "internal error"),
            Self::Unavailable(cause) => tracing::warn!(error = ?cause, "a dependency failed"),
            other => tracing::info!(error.name = other.name(), "refused"),
        }
    }
}

/// Details repeat what was sent, and that may be as long as a request.
fn short(mut detail: String) -> String {
    if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.status(), self.problem().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Self::Unavailable(_) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Self::TooManyRequests(told) = &self {
            told.on(headers);
            headers.insert(header::RETRY_AFTER, told.wait.into());
        }
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(state) = error.code() else {
            // What the driver cannot read or write will not be readable in a moment either.
            let ours = ["error deserializing", "error serializing", "invalid column"];
            let text = error.to_string();
            return if ours.iter().any(|start| text.starts_with(start)) {
                Self::Internal(error.into())
            } else {
                Self::Unavailable(error.into())
            };
        };
        match state {
            s if *s == SqlState::UNIQUE_VIOLATION => Self::Conflict(conflict(&error)),
            s if *s == SqlState::UNTRANSLATABLE_CHARACTER
                || *s == SqlState::CHARACTER_NOT_IN_REPERTOIRE =>
            {
                Self::Invalid("text must not contain the NUL character (U+0000)".into())
            }
            // Connection trouble, shutdowns, timeouts, deadlocks, too many connections.
            s if ["08", "40", "53", "55", "57", "58"].contains(&&s.code()[..2]) => {
                Self::Unavailable(error.into())
            }
            _ => Self::Internal(error.into()),
        }
    }
}

/// The database's constraint is the conflict check, so its name is what we can tell.
fn conflict(error: &tokio_postgres::Error) -> String {
    let constraint = error.as_db_error().and_then(|e| e.constraint()).unwrap_or_default();
    match constraint.strip_suffix("_key") {
        Some(what) => format!("this already exists ({what}): use another name, or update it"),
        None => "this already exists: use another name, or update it".into(),
    }
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unavailable(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_problem_names_its_type_and_says_nothing_of_the_cause() {
        let problem = Error::Internal(anyhow::anyhow!("password=hunter2")).problem();
        assert_eq!(problem["type"], "urn:cadre:problem:internal");
        assert_eq!(problem["status"], 500);
        assert!(!problem.to_string().contains("hunter2"));
    }
}
