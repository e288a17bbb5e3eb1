//! `/v2/logout`: ends the browser's session here, and leads back where the client may lead.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::authorize::{SESSION, to};
use crate::form::{Form, cookie};
use crate::pages;
use crate::sim::{Sim, locked};

pub(crate) async fn leave(
    State(sim): State<Arc<Sim>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of(&query.unwrap_or_default());
    let back = query.get("returnTo");
    if !back.is_empty() && !sim.settings.returns.iter().any(|allowed| allowed == back) {
        let page = pages::error("This address may not be returned to.");
        return (StatusCode::BAD_REQUEST, page).into_response();
    }
    if let Some(session) = cookie(&headers, SESSION) {
        locked(&sim.grants).sessions.remove(&session);
    }
    let mut response = if back.is_empty() { pages::signed_out().into_response() } else { to(back) };
    let gone = HeaderValue::from_static("auth0=; Path=/; Max-Age=0");
    response.headers_mut().insert(header::SET_COOKIE, gone);
    response
}
