//! A person who opens a page by its address, and is not signed in, is shown the way in.

use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use super::SeeOther;
use crate::Error;

const LOGIN: &str = "/auth/login";
/// What Auth0 calls a second factor, and how long ago it may have been shown (RFC 9470).
const SECOND_FACTOR: [(&str, &str); 2] = [
    ("acr_values", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"),
    ("max_age", "900"),
];

/// Who asks, if it is a browser that shows pages.
pub(super) struct Visitor {
    path: Option<String>,
}

impl Visitor {
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let page = *method == Method::GET
            && accept.is_some_and(|accept| accept.contains("text/html"))
            && !headers.contains_key(header::AUTHORIZATION);
        let path = uri.path_and_query().filter(|_| page).map(|path| path.as_str().to_owned());
        Self { path }
    }

    /// The way in, if that is what is missing; else the problem as everybody gets it.
    pub(super) fn answer(self, error: Error) -> Response {
        let more = match &error {
            Error::Unauthenticated | Error::InvalidToken => [].as_slice(),
            Error::StepUp => SECOND_FACTOR.as_slice(),
            _ => return error.into_response(),
        };
        let Some(path) = self.path else { return error.into_response() };
        let query = [[("return_to", path.as_str())].as_slice(), more].concat();
        match serde_urlencoded::to_string(query) {
            Ok(query) => {
                error.log();
                SeeOther { to: format!("{LOGIN}?{query}"), cookies: Vec::new() }.into_response()
            }
            Err(_) => error.into_response(),
        }
    }
}
