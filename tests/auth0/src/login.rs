//! The pages on which a person proves who they are: a password, and where it is asked for a code.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::authorize::{finish, to};
use crate::form::Form;
use crate::oauth::{Request, Session};
use crate::people::OTP;
use crate::sim::{Sim, locked, now, secret};
use crate::world::MOST_FAILURES;
use crate::{events, pages};

pub(crate) async fn page(State(sim): State<Arc<Sim>>, RawQuery(query): RawQuery) -> Response {
    let state = state(query);
    match asked(&sim, &state) {
        Some(request) => pages::login(&state, &request.login_hint, "").into_response(),
        None => stale(),
    }
}

pub(crate) async fn password(
    State(sim): State<Arc<Sim>>,
    RawQuery(query): RawQuery,
    form: Form,
) -> Response {
    let state = state(query);
    let Some(request) = asked(&sim, &state) else { return stale() };
    let email = form.get("username");
    let Some(user) = check(&sim, email, form.get("password")) else {
        let page = pages::login(&state, email, "Wrong email or password, or blocked.");
        return (StatusCode::BAD_REQUEST, page).into_response();
    };
    let session = Session { id: secret(), user, since: now(), second: false };
    if request.wants_second {
        let request = Request { half: Some(session), ..request };
        locked(&sim.grants).requests.insert(state.clone(), request);
        return to(&format!("/u/mfa-otp-challenge?state={state}"));
    }
    locked(&sim.grants).requests.remove(&state);
    finish(&sim, request, session)
}

pub(crate) async fn second_page(
    State(sim): State<Arc<Sim>>,
    RawQuery(query): RawQuery,
) -> Response {
    let state = state(query);
    match asked(&sim, &state).and_then(|request| request.half) {
        Some(_) => pages::second(&state, "").into_response(),
        None => stale(),
    }
}

pub(crate) async fn second_factor(
    State(sim): State<Arc<Sim>>,
    RawQuery(query): RawQuery,
    form: Form,
) -> Response {
    let state = state(query);
    let Some(request) = asked(&sim, &state) else { return stale() };
    let Some(half) = request.half.clone() else { return stale() };
    if form.get("code") != OTP {
        let page = pages::second(&state, "That is not the code.");
        return (StatusCode::BAD_REQUEST, page).into_response();
    }
    locked(&sim.grants).requests.remove(&state);
    // Both factors are of now: `auth_time` says so.
    finish(&sim, request, Session { second: true, since: now(), ..half })
}

fn state(query: Option<String>) -> String {
    Form::of(&query.unwrap_or_default()).get("state").to_owned()
}

fn asked(sim: &Sim, state: &str) -> Option<Request> {
    locked(&sim.grants).requests.get(state).cloned()
}

fn stale() -> Response {
    let page = pages::error("This sign-in is over: begin again at the application.");
    (StatusCode::BAD_REQUEST, page).into_response()
}

/// The user's id, if this is their password and they may come in.
fn check(sim: &Sim, email: &str, password: &str) -> Option<String> {
    let mut world = sim.world();
    let id = world.user_of(email)?.to_owned();
    let user = world.users.get_mut(&id)?;
    if user.password != password {
        user.failures += 1;
        return None;
    }
    if user.failures >= MOST_FAILURES || user.profile["blocked"] == true {
        return None;
    }
    user.failures = 0;
    let count = user.profile["logins_count"].as_i64().unwrap_or_default();
    user.profile["logins_count"] = (count + 1).into();
    user.profile["last_login"] = events::time().into();
    Some(id)
}
