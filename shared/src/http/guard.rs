//! What stands before every handler: who calls, whether they may, and a line in the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{App, Error, Result};

pub(super) async fn guard(
    State((app, permission)): State<(App, Option<String>)>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let mut response = match admit(app, permission.as_deref(), request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    tracing::info!(
        http.method = %method,
        http.route = route,
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

async fn admit(app: App, permission: Option<&str>, mut request: Request) -> Result<Request> {
    let Some(permission) = permission else { return Ok(request) };
    let caller = app.auth()?.caller(request.headers()).await?;
    if !caller.may(permission) {
        return Err(Error::Forbidden(format!("this needs the permission `{permission}`")));
    }
    request.extensions_mut().insert(caller);
    Ok(request)
}
