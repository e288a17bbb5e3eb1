//! Path, query and headers, as handlers ask for them.

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, request};
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Path parameters; one that cannot be right names nothing that exists.
pub struct Path<T>(pub T);

impl<S: Sync + Send, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Error::NotFound)
    }
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<S: Sync + Send, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let query = query.map(|axum::extract::Query(value)| Self(value));
        query.map_err(|error| Error::Invalid(format!("the query: {}", error.body_text())))
    }
}

/// The `Idempotency-Key` of a request that creates or spends.
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        idempotency_key(&parts.headers).map(Self)
    }
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            Err(Error::Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters".into()))
        }
    }
}
