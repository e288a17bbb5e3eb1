//! Organizations: what we call tenants.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::answers::{Answer, Refused, merge, page};
use crate::sim::Sim;

pub(super) fn missing() -> Refused {
    Refused::missing("The organization does not exist.")
}

pub(super) async fn list(State(sim): State<Arc<Sim>>, RawQuery(query): RawQuery) -> Json<Value> {
    let world = sim.world();
    let all = world.organizations.values().map(|org| org.profile.clone()).collect();
    page(query, "organizations", all)
}

pub(super) async fn create(
    State(sim): State<Arc<Sim>>,
    Json(new): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let name = new["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Refused::invalid("Payload validation error: 'name'"))?;
    let mut world = sim.world();
    if world.organizations.values().any(|org| org.profile["name"] == name) {
        let message = "An organization with this name already exists.";
        return Err(Refused::conflict(message, "organization_conflict"));
    }
    let id = format!("org_{}", Uuid::now_v7().simple());
    world.add_organization(&id, name);
    let organization = world.organizations.get_mut(&id).ok_or_else(missing)?;
    merge(&mut organization.profile, &new);
    let profile = organization.profile.clone();
    drop(world);
    sim.events.happened("organization.created", &profile);
    Ok((StatusCode::CREATED, Json(profile)))
}

pub(super) async fn get(State(sim): State<Arc<Sim>>, Path(id): Path<String>) -> Answer {
    let world = sim.world();
    world.organizations.get(&id).map(|org| Json(org.profile.clone())).ok_or_else(missing)
}

pub(super) async fn by_name(State(sim): State<Arc<Sim>>, Path(name): Path<String>) -> Answer {
    let world = sim.world();
    let found = world.organizations.values().find(|org| org.profile["name"] == name.as_str());
    found.map(|org| Json(org.profile.clone())).ok_or_else(missing)
}

pub(super) async fn update(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(change): Json<Value>,
) -> Answer {
    let mut world = sim.world();
    let organization = world.organizations.get_mut(&id).ok_or_else(missing)?;
    merge(&mut organization.profile, &change);
    let profile = organization.profile.clone();
    drop(world);
    sim.events.happened("organization.updated", &profile);
    Ok(Json(profile))
}

pub(super) async fn delete(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let gone = sim.world().organizations.remove(&id).ok_or_else(missing)?;
    sim.events.happened("organization.deleted", &gone.profile);
    Ok(StatusCode::NO_CONTENT)
}
