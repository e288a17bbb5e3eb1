//! Roles, and the permissions they grant.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::answers::{self, Answer, Refused, merge, page};
use crate::form::Form;
use crate::sim::Sim;

fn missing() -> Refused {
    Refused::missing("The role does not exist.")
}

pub(super) async fn list(State(sim): State<Arc<Sim>>, RawQuery(query): RawQuery) -> Json<Value> {
    let named = Form::of(&query.clone().unwrap_or_default()).get("name_filter").to_owned();
    let world = sim.world();
    let roles = world.roles.values().map(|role| role.profile.clone());
    let of_name = |role: &Value| role["name"].as_str().is_some_and(|name| name.contains(&named));
    page(query, "roles", roles.filter(of_name).collect())
}

pub(super) async fn create(State(sim): State<Arc<Sim>>, Json(new): Json<Value>) -> Answer {
    let name = new["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refused::invalid("Payload validation error: 'name'"))?;
    let mut world = sim.world();
    if world.roles.values().any(|role| role.profile["name"] == name) {
        return Err(Refused::conflict("A role with this name already exists.", "role_conflict"));
    }
    let id = format!("rol_{}", Uuid::now_v7().simple());
    world.add_role(&id, name, None);
    let role = world.roles.get_mut(&id).ok_or_else(missing)?;
    merge(&mut role.profile, &new);
    Ok(Json(role.profile.clone()))
}

pub(super) async fn get(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Answer {
    sim.world().roles.get(&id).map(|role| Json(role.profile.clone())).ok_or_else(missing)
}

pub(super) async fn update(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(change): Json<Value>,
) -> Answer {
    let mut world = sim.world();
    let role = world.roles.get_mut(&id).ok_or_else(missing)?;
    merge(&mut role.profile, &change);
    Ok(Json(role.profile.clone()))
}

pub(super) async fn delete(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let mut world = sim.world();
    world.roles.remove(&id).ok_or_else(missing)?;
    for user in world.users.values_mut() {
        user.roles.remove(&id);
    }
    for roles in world.organizations.values_mut().flat_map(|org| org.members.values_mut()) {
        roles.remove(&id);
    }
    Ok(StatusCode::OK)
}

pub(super) async fn users(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    world.roles.get(&id).ok_or_else(missing)?;
    let users = world.users.values().filter(|user| user.roles.contains(&id));
    Ok(page(query, "users", users.map(|user| user.profile.clone()).collect()))
}

pub(super) async fn permissions(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    let role = world.roles.get(&id).ok_or_else(missing)?;
    Ok(page(query, "permissions", answers::told(&role.permissions)))
}

pub(super) async fn grant(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let granted = answers::permissions(&body)?;
    sim.world().roles.get_mut(&id).ok_or_else(missing)?.permissions.extend(granted);
    Ok(StatusCode::CREATED)
}

pub(super) async fn withdraw(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let gone = answers::permissions(&body)?;
    let mut world = sim.world();
    let role = world.roles.get_mut(&id).ok_or_else(missing)?;
    role.permissions.retain(|permission| !gone.contains(permission));
    Ok(StatusCode::NO_CONTENT)
}
