//! The edge: what a request must be before anything of it is parsed, and what every answer carries,
//! whoever gives it: a handler, the guard, a fallback, or the edge itself.

use std::sync::Arc;

use anyhow::ensure;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::scim;
use crate::{Error, Result};

/// A path with its query. The longest of ours, with a cursor, has a few hundred bytes.
pub const LONGEST_URI: usize = 8 * 1024;
/// All header lines together; API Gateway lets 10 KiB through, a plain host nothing less than this.
pub const LARGEST_HEADERS: usize = 16 * 1024;
pub const MOST_HEADERS: usize = 64;

/// What every answer carries, unless its handler says otherwise (a page has a policy of its own).
const CARRIED: [(HeaderName, &str); 8] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// By these, frameworks let a request be another than the one it says it is.
const OVERRIDES: [&str; 5] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Two of these, and two programs in a row may each believe another one.
const ONCE: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::ORIGIN,
    HeaderName::from_static("idempotency-key"),
];

/// Which pages of other origins may call: nobody's, unless the deployment lists them.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    origins: Arc<[HeaderValue]>,
}

impl Edge {
    /// Open to pages of these origins, each spelled as browsers send it. There is no `*`: whoever
    /// calls has credentials, or nothing to look for.
    pub fn open_to(origins: &[String]) -> anyhow::Result<Self> {
        for origin in origins {
            let host = origin.strip_prefix("https://").or(origin.strip_prefix("http://localhost:"));
            let exact = host.is_some_and(|host| {
                let allowed =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c);
                !host.is_empty() && host.chars().all(allowed)
            });
            ensure!(exact, "`{origin}` is no origin: write `https://host`, without path or `*`");
        }
        let origins = origins.iter().map(|origin| HeaderValue::from_str(origin));
        Ok(Self { origins: origins.collect::<Result<_, _>>()? })
    }

    pub(super) fn around(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, edge))
    }

    fn listed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.origins.iter().find(|listed| *listed == origin).cloned()
    }
}

async fn edge(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let origin = edge.listed(request.headers());
    let scim = scim::is_scim(request.uri().path());
    let mut response = match look(&request) {
        Err(error) => error.into_response(),
        Ok(()) if is_preflight(&request) => preflight(origin.is_some()),
        Ok(()) => next.run(request).await,
    };
    if scim {
        response = scim::dressed(response).await;
    }
    let headers = response.headers_mut();
    for (name, value) in CARRIED {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !edge.origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        let shown = "etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after";
        let shown = HeaderValue::from_static(shown);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    }
    response
}

/// Limits, and what no honest client sends. Sizes first: the rest walks over what they bound.
fn look(request: &Request) -> Result<()> {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > LONGEST_URI {
        return Err(Error::TooLarge(format!("the path and query are over {LONGEST_URI} bytes")));
    }
    let headers = request.headers();
    let size: usize = headers.iter().map(|(name, v)| name.as_str().len() + v.len() + 4).sum();
    if headers.len() > MOST_HEADERS || size > LARGEST_HEADERS {
        let most = format!("{MOST_HEADERS} headers and {LARGEST_HEADERS} bytes");
        return Err(Error::TooLarge(format!("the headers are over {most} together: send fewer")));
    }
    let malformed = |why: String| Err(Error::Malformed(why));
    if let Some(name) = OVERRIDES.iter().find(|name| headers.contains_key(**name)) {
        return malformed(format!("`{name}` is not taken: send the method and path that you mean"));
    }
    if let Some(name) = ONCE.iter().find(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return malformed(format!("the header `{name}` is there twice: send it once"));
    }
    let length = headers.get(header::CONTENT_LENGTH);
    if length.is_some() && headers.contains_key(header::TRANSFER_ENCODING) {
        return malformed("send `Content-Length` or `Transfer-Encoding`, never both".into());
    }
    if length.is_some_and(|length| !length.as_bytes().iter().all(u8::is_ascii_digit)) {
        return malformed("`Content-Length` must be digits and nothing else".into());
    }
    Ok(())
}

/// A browser's question whether a page of another origin may call.
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(listed: bool) -> Response {
    if !listed {
        let why = "pages of this origin may not call: the deployment lists those that may";
        return Error::Forbidden(why.into()).into_response();
    }
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, \
             x-csrf-token",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}
