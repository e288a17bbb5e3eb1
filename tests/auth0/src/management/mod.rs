//! `/api/v2`: the Management API, with the rules of the real one: a token with the right scope, a
//! bucket of requests, pages, and errors in its own shape.

mod answers;
mod members;
mod organizations;
mod roles;
mod signing_keys;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use crate::limits;
use crate::sim::{Sim, locked, now};
use answers::Refused;

pub(crate) fn router(sim: &Arc<Sim>) -> Router<Arc<Sim>> {
    Router::new()
        .route("/users", get(users::list).post(users::create))
        .route("/users-by-email", get(users::by_email))
        .route("/users/{id}", get(users::get).patch(users::update).delete(users::delete))
        .route("/users/{id}/roles", get(users::roles).post(users::assign).delete(users::remove))
        .route(
            "/users/{id}/permissions",
            get(users::permissions).post(users::grant).delete(users::withdraw),
        )
        .route("/users/{id}/organizations", get(users::organizations))
        .route("/users/{id}/sessions", axum::routing::delete(users::end_sessions))
        .route("/users/{id}/refresh-tokens", axum::routing::delete(users::end_sessions))
        .route("/user-blocks/{id}", get(users::blocks).delete(users::unblock))
        .route("/roles", get(roles::list).post(roles::create))
        .route("/roles/{id}", get(roles::get).patch(roles::update).delete(roles::delete))
        .route("/roles/{id}/users", get(roles::users))
        .route(
            "/roles/{id}/permissions",
            get(roles::permissions).post(roles::grant).delete(roles::withdraw),
        )
        .route("/organizations", get(organizations::list).post(organizations::create))
        .route("/organizations/name/{name}", get(organizations::by_name))
        .route(
            "/organizations/{id}",
            get(organizations::get).patch(organizations::update).delete(organizations::delete),
        )
        .route(
            "/organizations/{id}/members",
            get(members::list).post(members::add).delete(members::remove),
        )
        .route(
            "/organizations/{id}/members/{user}/roles",
            get(members::roles).post(members::assign).delete(members::unassign),
        )
        .route("/keys/signing", get(signing_keys::list))
        .route("/keys/signing/rotate", post(signing_keys::rotate))
        .route("/keys/signing/{kid}/revoke", put(signing_keys::revoke))
        .fallback(async || Refused::missing("no such path"))
        .layer(from_fn_with_state(Arc::clone(sim), authorize))
        .layer(from_fn_with_state(Arc::clone(sim), limits::limit))
}

/// A token of ours that is not over, with a scope for the resource and the verb.
async fn authorize(State(sim): State<Arc<Sim>>, request: Request, next: Next) -> Response {
    let bearer = request.headers().get(header::AUTHORIZATION);
    let token = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = token.and_then(|token| locked(&sim.grants).management.get(token).cloned());
    let Some((scopes, _)) = known.filter(|(_, until)| *until > now()) else {
        return Refused::new(401, "Unauthorized", "Invalid token", "invalid_token").into_response();
    };
    let needed = scope(request.method(), request.uri().path());
    if !scopes.split(' ').any(|scope| scope == needed) {
        let message = format!("Insufficient scope, expected any of: {needed}");
        return Refused::new(403, "Forbidden", &message, "insufficient_scope").into_response();
    }
    next.run(request).await
}

/// The scope that Auth0 asks for, near enough.
fn scope(method: &Method, path: &str) -> String {
    let parts: Vec<&str> =
        path.trim_start_matches("/api/v2").trim_matches('/').split('/').collect();
    let things = match parts.as_slice() {
        ["organizations", _, "members", _, "roles"] => "organization_member_roles",
        ["organizations", _, "members"] => "organization_members",
        ["organizations", ..] => "organizations",
        ["roles", ..] => "roles",
        ["keys", ..] => "signing_keys",
        _ => "users",
    };
    let within_another = parts.len() > 2 && things != "organization_members";
    let verb = match *method {
        Method::GET => "read",
        Method::PATCH | Method::PUT => "update",
        // To give a user a role is to change the user.
        Method::POST | Method::DELETE if within_another && ["users", "roles"].contains(&things) => {
            "update"
        }
        Method::POST => "create",
        _ => "delete",
    };
    format!("{verb}:{things}")
}
