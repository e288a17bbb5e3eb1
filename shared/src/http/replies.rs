//! Answers that are more than `200 OK`.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Json;

/// `201 Created` with the new thing as JSON.
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

/// `202 Accepted`: it is on record and will be done. `replayed` when a retry found it there.
pub struct Accepted<T> {
    pub value: T,
    pub replayed: bool,
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::ACCEPTED, Json(self.value)).into_response();
        if self.replayed {
            let yes = HeaderValue::from_static("true");
            response.headers_mut().insert("idempotent-replayed", yes);
        }
        response
    }
}
