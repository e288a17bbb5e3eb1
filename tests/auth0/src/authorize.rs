//! `/authorize`: checks who asks, then signs the person in, or sends them back as they are.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::form::{Form, cookie};
use crate::oauth::{Code, Request, Session};
use crate::pages;
use crate::sim::{Sim, locked, now, secret};

/// The cookie of whoever signed in here.
pub(crate) const SESSION: &str = "auth0";
/// A code is for at once.
const CODE_SECONDS: i64 = 60;

pub(crate) async fn start(
    State(sim): State<Arc<Sim>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::of(&query.unwrap_or_default());
    let request = Request::of(&query);
    let known = {
        let world = sim.world();
        let client = world.clients.iter().find(|client| client.id == request.client);
        client.is_some_and(|client| client.callbacks.contains(&request.redirect))
    };
    if !known {
        // Never a redirect: it would lead wherever the asker likes.
        let page = pages::error("Callback URL mismatch, or no such client.");
        return (StatusCode::FORBIDDEN, page).into_response();
    }
    if query.get("response_type") != "code" {
        return back_with(&sim, &request, "unsupported_response_type", "only code is offered");
    }
    if query.get("code_challenge_method") != "S256" || request.challenge.len() != 43 {
        return back_with(&sim, &request, "invalid_request", "PKCE with S256 is required");
    }
    let session = cookie(&headers, SESSION);
    let session = session.and_then(|id| locked(&sim.grants).sessions.get(&id).cloned());
    let young = |session: &Session| {
        request.max_age.is_none_or(|age| age > 0 && now() - session.since <= age)
            && !sim.world().is_blocked(&session.user)
    };
    let prompt = query.get("prompt");
    let session = session.filter(young).filter(|_| prompt != "login");
    match session {
        Some(session) if session.second || !request.wants_second => finish(&sim, request, session),
        _ if prompt == "none" => {
            back_with(&sim, &request, "login_required", "nobody is signed in here")
        }
        Some(session) => {
            let request = Request { half: Some(session), ..request };
            page(&sim, request, "/u/mfa-otp-challenge")
        }
        None => page(&sim, request, "/u/login"),
    }
}

/// Keeps what was asked for, and shows one of our pages.
fn page(sim: &Sim, request: Request, path: &str) -> Response {
    let state = secret();
    locked(&sim.grants).requests.insert(state.clone(), request);
    to(&format!("{path}?state={state}"))
}

/// The person is who they say: back to the client with a code.
pub(crate) fn finish(sim: &Sim, request: Request, session: Session) -> Response {
    let organization = sim.world().organization_of(&session.user, &request.organization);
    if organization.is_none() && !request.organization.is_empty() {
        return back_with(sim, &request, "access_denied", "not a member of that organization");
    }
    let code = secret();
    let url = back(sim, &request, &[("code", &code)]);
    let cookie = format!("{SESSION}={}; Path=/; HttpOnly; SameSite=Lax", session.id);
    let until = now() + CODE_SECONDS;
    let mut grants = locked(&sim.grants);
    grants.sessions.insert(session.id.clone(), session.clone());
    grants.codes.insert(code, Code { request, session, organization, until, used: None });
    (StatusCode::FOUND, [(header::LOCATION, url), (header::SET_COOKIE, cookie)]).into_response()
}

fn back_with(sim: &Sim, request: &Request, error: &str, why: &str) -> Response {
    to(&back(sim, request, &[("error", error), ("error_description", why)]))
}

/// The client's address with an answer, which names its issuer (RFC 9207).
fn back(sim: &Sim, request: &Request, answer: &[(&str, &str)]) -> String {
    let mut pairs = answer.to_vec();
    pairs.extend([("state", request.state.as_str()), ("iss", sim.issuer.as_str())]);
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    format!("{}?{query}", request.redirect)
}

pub(crate) fn to(url: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, url)]).into_response()
}
