//! Users: their profiles, roles, permissions, organizations and blocks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{self, Answer, Refused, merge, page, texts};
use crate::events;
use crate::form::Form;
use crate::sim::{Sim, locked};
use crate::world::MOST_FAILURES;

pub(super) async fn list(State(sim): State<Arc<Sim>>, RawQuery(query): RawQuery) -> Json<Value> {
    let wanted = Form::of(&query.clone().unwrap_or_default()).get("q").to_owned();
    // Of the query language: `field:"value"`, joined by AND.
    let terms: Vec<(String, String)> = wanted
        .split(" AND ")
        .filter_map(|term| term.trim().split_once(':'))
        .map(|(field, value)| (field.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    let holds = |profile: &Value, (field, wanted): &(String, String)| {
        let found = field.split('.').fold(profile, |value, part| &value[part]);
        found.as_str().map_or_else(|| found.to_string(), str::to_owned).as_str() == wanted
    };
    let world = sim.world();
    let users = world.users.values().map(|user| user.profile.clone());
    let found = users.filter(|profile| terms.iter().all(|term| holds(profile, term))).collect();
    page(query, "users", found)
}

pub(super) async fn by_email(
    State(sim): State<Arc<Sim>>,
    RawQuery(query): RawQuery,
) -> Json<Value> {
    let email = Form::of(&query.unwrap_or_default()).get("email").to_lowercase();
    let world = sim.world();
    let users = world.users.values().map(|user| &user.profile);
    Json(users.filter(|profile| profile["email"] == email.as_str()).cloned().collect())
}

pub(super) async fn create(
    State(sim): State<Arc<Sim>>,
    Json(new): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let text = |name: &str| new[name].as_str().unwrap_or_default();
    let email = text("email").to_lowercase();
    if email.is_empty() || text("connection").is_empty() {
        return Err(Refused::invalid("Payload validation error: 'email' and 'connection'"));
    }
    let mut world = sim.world();
    let id = match text("user_id") {
        "" => format!("auth0|{}", Uuid::now_v7().simple()),
        given => format!("auth0|{given}"),
    };
    if world.user_of(&email).is_some() || world.users.contains_key(&id) {
        return Err(Refused::conflict("The user already exists.", "auth0_idp_error"));
    }
    world.add_user(&id, &email, text("password"));
    let mut rest = new.clone();
    for ours in ["password", "connection", "user_id", "email"] {
        rest.as_object_mut().and_then(|fields| fields.remove(ours));
    }
    let user = world.users.get_mut(&id).ok_or_else(Refused::user)?;
    merge(&mut user.profile, &rest);
    let profile = user.profile.clone();
    drop(world);
    sim.events.happened("user.created", &profile);
    Ok((StatusCode::CREATED, Json(profile)))
}

pub(super) async fn get(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Answer {
    let world = sim.world();
    world.users.get(&id).map(|user| Json(user.profile.clone())).ok_or_else(Refused::user)
}

pub(super) async fn update(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(mut change): Json<Value>,
) -> Answer {
    let mut world = sim.world();
    let user = world.users.get_mut(&id).ok_or_else(Refused::user)?;
    let fields = change.as_object_mut().ok_or_else(|| Refused::invalid("not an object"))?;
    if let Some(password) = fields.remove("password") {
        password.as_str().unwrap_or_default().clone_into(&mut user.password);
    }
    fields.remove("connection");
    merge(&mut user.profile, &change);
    user.profile["updated_at"] = events::time().into();
    let profile = user.profile.clone();
    drop(world);
    if profile["blocked"] == true {
        end(&sim, &id);
    }
    sim.events.happened("user.updated", &profile);
    Ok(Json(profile))
}

/// Of somebody who is not there it says the same.
pub(super) async fn delete(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> StatusCode {
    let mut world = sim.world();
    if world.users.remove(&id).is_some() {
        for organization in world.organizations.values_mut() {
            organization.members.remove(&id);
        }
        drop(world);
        end(&sim, &id);
        let gone = json!({ "user_id": id, "deleted_at": events::time() });
        sim.events.happened("user.deleted", &gone);
    }
    StatusCode::NO_CONTENT
}

/// Sessions at the issuer and refresh tokens; access tokens live on until they are over.
pub(super) async fn end_sessions(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
) -> StatusCode {
    end(&sim, &id);
    StatusCode::ACCEPTED
}

fn end(sim: &Sim, user: &str) {
    let mut grants = locked(&sim.grants);
    grants.sessions.retain(|_, session| session.user != user);
    grants.families.revoke_user(user);
}

pub(super) async fn roles(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    let user = world.users.get(&id).ok_or_else(Refused::user)?;
    let roles = user.roles.iter().filter_map(|id| world.roles.get(id));
    Ok(page(query, "roles", roles.map(|role| role.profile.clone()).collect()))
}

pub(super) async fn assign(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let roles = texts(&body, "roles")?;
    let mut world = sim.world();
    if !roles.iter().all(|role| world.roles.contains_key(role)) {
        return Err(Refused::missing("The role does not exist."));
    }
    world.users.get_mut(&id).ok_or_else(Refused::user)?.roles.extend(roles);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let roles = texts(&body, "roles")?;
    let mut world = sim.world();
    let user = world.users.get_mut(&id).ok_or_else(Refused::user)?;
    user.roles.retain(|role| !roles.contains(role));
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn permissions(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    let user = world.users.get(&id).ok_or_else(Refused::user)?;
    Ok(page(query, "permissions", answers::told(&user.permissions)))
}

pub(super) async fn grant(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let granted = answers::permissions(&body)?;
    sim.world().users.get_mut(&id).ok_or_else(Refused::user)?.permissions.extend(granted);
    Ok(StatusCode::CREATED)
}

pub(super) async fn withdraw(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let gone = answers::permissions(&body)?;
    let mut world = sim.world();
    let user = world.users.get_mut(&id).ok_or_else(Refused::user)?;
    user.permissions.retain(|permission| !gone.contains(permission));
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn organizations(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    world.users.get(&id).ok_or_else(Refused::user)?;
    let theirs = world.organizations.values().filter(|org| org.members.contains_key(&id));
    Ok(page(query, "organizations", theirs.map(|org| org.profile.clone()).collect()))
}

/// Blocks of too many wrong passwords; that an administrator blocked them is in the profile.
pub(super) async fn blocks(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Answer {
    let world = sim.world();
    let user = world.users.get(&id).ok_or_else(Refused::user)?;
    let blocked = user.failures >= MOST_FAILURES;
    let email = user.profile["email"].clone();
    let list =
        if blocked { json!([{ "identifier": email, "ip": "127.0.0.1" }]) } else { json!([]) };
    Ok(Json(json!({ "blocked_for": list })))
}

pub(super) async fn unblock(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    sim.world().users.get_mut(&id).ok_or_else(Refused::user)?.failures = 0;
    Ok(StatusCode::NO_CONTENT)
}
