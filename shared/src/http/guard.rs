//! What stands before every handler: who calls, whether they may, and a line in the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::table::Access;
use crate::{App, Result, auth, gate};

pub(super) async fn guard(
    State((app, access)): State<(App, Access)>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let response = match admit(app, &access, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    tracing::info!(
        http.method = %method,
        http.route = route,
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// In this order: who calls, what the tenant leaves them, whether the row lets them.
async fn admit(app: App, access: &Access, mut request: Request) -> Result<Request> {
    if access.permission.is_none() {
        return Ok(request);
    }
    let mut caller = auth::caller(app, request.headers(), request.method()).await?;
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let ceiling = gate::pass(app, access, route, &caller).await?;
    ceiling.narrow(&mut caller.permissions);
    auth::permit(access, &caller, app.auth()?.now())?;
    request.extensions_mut().insert(caller);
    Ok(request)
}
