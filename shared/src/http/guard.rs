//! What stands before every handler: who calls, whether they may, and a line in the log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::visitor::Visitor;
use super::{address, form};
use crate::gate::Told;
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
    let name = format!("{method} {}", route.as_deref().unwrap_or_default());
    let visitor = Visitor::of(&method, request.uri(), request.headers());
    let response = match admit(app, &access, &name, request).await {
        Ok((request, told)) => {
            let mut response = next.run(request).await;
            told.on(response.headers_mut());
            response
        }
        Err(error) => visitor.answer(error),
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

/// In this order: who calls, whether they may ask now and what the tenant leaves them, whether the
/// row lets them.
async fn admit(
    app: App,
    access: &Access,
    route: &str,
    request: Request,
) -> Result<(Request, Told)> {
    let mut request = form::lift_token(request).await?;
    let address = address::of(&request);
    if access.permission.is_none() {
        let told = gate::stranger(app, access, route, address).await?;
        return Ok((request, told));
    }
    let mut caller = match auth::caller(app, request.headers(), request.method()).await {
        Ok(caller) => caller,
        Err(error) => {
            // Who proves nothing is counted too: guessing is not free.
            gate::stranger(app, access, route, address).await?;
            return Err(error);
        }
    };
    let passed = gate::pass(app, access, route, &caller, address).await?;
    passed.ceiling.narrow(&mut caller.permissions);
    auth::permit(access, &caller, app.auth()?.now())?;
    request.extensions_mut().insert(caller);
    Ok((request, passed.told))
}
