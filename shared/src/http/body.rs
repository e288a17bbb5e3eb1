//! Bodies, read within limits.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shape;
use crate::{Error, Result};

/// Largest JSON body. Definitions and briefs are far smaller.
pub const LARGEST_JSON: usize = 1024 * 1024;
/// Largest body of all: what a synchronous Lambda event can carry once it is base64.
pub const LARGEST_BODY: usize = 4 * 1024 * 1024 + 512 * 1024;

/// A JSON body, or a problem that says where it is wrong.
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let essence = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let wanted = "send the body as `Content-Type: application/json`";
            return Err(Error::UnsupportedMediaType(wanted.into()));
        }
        let bytes = body(request, LARGEST_JSON).await?;
        shape::check(&bytes)?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let place = error.path().to_string();
            let cause = error.into_inner();
            if cause.is_data() {
                Error::Invalid(format!("{place}: {cause}"))
            } else {
                Error::Malformed(format!("the body is not JSON: {cause}"))
            }
        })?;
        deserializer.end().map_err(|e| Error::Malformed(format!("the body is not JSON: {e}")))?;
        Ok(Self(value))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The body's bytes and its content type, for uploads.
pub struct Upload {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl<S: Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type = declared.unwrap_or_default().to_owned();
        let bytes = body(request, LARGEST_BODY).await?;
        if content_type.starts_with("application/json") {
            shape::check(&bytes)?;
        }
        Ok(Self { content_type, bytes })
    }
}

async fn body(request: Request, largest: usize) -> Result<Vec<u8>> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    let too_large = || Error::TooLarge(format!("the body is over {largest} bytes: send less"));
    if declared.is_some_and(|length| length > largest) {
        return Err(too_large());
    }
    let bytes = to_bytes(request.into_body(), largest).await.map_err(|error| {
        match std::error::Error::source(&error) {
            Some(cause) if cause.to_string().contains("length limit") => too_large(),
            _ => Error::Malformed("the body ended before its declared length".into()),
        }
    })?;
    Ok(bytes.into())
}
