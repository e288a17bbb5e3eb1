//! What browsers are answered: pages, their style, and where to go next.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A page of ours: nothing of it runs, and nothing of it comes from elsewhere.
pub struct Page {
    pub html: String,
    /// Hosts that the answer to a form may lead to, beside this one: browsers hold a redirect
    /// against the form that led to it.
    pub forms_lead_to: Vec<String>,
}

/// A style sheet. Its version is that of the function: an hour old is young enough.
pub struct Sheet(pub &'static str);

/// `303 See Other`, with cookies.
pub struct SeeOther {
    pub to: String,
    pub cookies: Vec<String>,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = format!(
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
             form-action 'self' {}",
            self.forms_lead_to.join(" ")
        );
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        // With `no-referrer`, which everything else has, browsers send a form without its origin.
        let referrer = HeaderValue::from_static("same-origin");
        let mut response = ([(header::CONTENT_TYPE, kind)], self.html).into_response();
        let headers = response.headers_mut();
        headers.insert(header::REFERRER_POLICY, referrer);
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

impl IntoResponse for Sheet {
    fn into_response(self) -> Response {
        let headers: [(HeaderName, &str); 2] = [
            (header::CONTENT_TYPE, "text/css; charset=utf-8"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ];
        (headers, self.0).into_response()
    }
}

impl IntoResponse for SeeOther {
    fn into_response(self) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        let headers = response.headers_mut();
        if let Ok(to) = HeaderValue::from_str(&self.to) {
            headers.insert(header::LOCATION, to);
        }
        for cookie in &self.cookies {
            if let Ok(cookie) = HeaderValue::from_str(cookie) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}
