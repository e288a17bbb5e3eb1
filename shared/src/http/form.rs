//! Forms of our own pages. They have the page's token in a field, because a form can send no header:
//! it is moved to where the check of a session looks.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Json, SeeOther};
use crate::auth::session::CSRF_HEADER;
use crate::{Error, Result};

const KIND: &str = "application/x-www-form-urlencoded";
/// A button with a token is far smaller.
const LARGEST_FORM: usize = 16 * 1024;

#[derive(Deserialize)]
struct Fields {
    csrf_token: String,
}

/// The request with the token of its form as a header, if it is a form and has one.
pub(super) async fn lift_token(request: Request) -> Result<Request> {
    if !is_form(request.headers()) || request.headers().contains_key(CSRF_HEADER) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = to_bytes(body, LARGEST_FORM).await;
    let bytes =
        bytes.map_err(|_| Error::TooLarge(format!("a form is at most {LARGEST_FORM} bytes")))?;
    let fields: Result<Fields, _> = serde_urlencoded::from_bytes(&bytes);
    let token = fields.ok().and_then(|fields| HeaderValue::from_str(&fields.csrf_token).ok());
    if let Some(token) = token {
        parts.headers.insert(CSRF_HEADER, token);
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(KIND)
}

/// Whether one of our pages asked, by a form, or a program.
pub struct FormOr {
    form: bool,
}

impl<S: Sync> FromRequestParts<S> for FormOr {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self { form: is_form(&parts.headers) })
    }
}

impl FormOr {
    /// A program is told what was done; a person is led back to the page.
    pub fn done<T>(&self, what: T, page: &str) -> Done<T> {
        Done { what, page: self.form.then(|| page.to_owned()) }
    }
}

/// `200 OK` with JSON for a program, `303 See Other` for a page.
pub struct Done<T> {
    what: T,
    page: Option<String>,
}

impl<T: Serialize> IntoResponse for Done<T> {
    fn into_response(self) -> Response {
        match self.page {
            Some(to) => SeeOther { to, cookies: Vec::new() }.into_response(),
            None => Json(self.what).into_response(),
        }
    }
}
