//! Who belongs to an organization, and the roles they have there.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answers::{Answer, Refused, page, texts};
use super::organizations::missing;
use crate::sim::Sim;

fn no_member() -> Refused {
    Refused::missing("The user is not a member of the organization.")
}

pub(super) async fn list(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    let organization = world.organizations.get(&id).ok_or_else(missing)?;
    let with_roles = query.as_deref().is_some_and(|query| query.contains("roles"));
    let members = organization.members.iter().filter_map(|(id, roles)| {
        let profile = &world.users.get(id)?.profile;
        let mut member = json!({
            "user_id": id, "email": profile["email"], "name": profile["name"],
        });
        if with_roles {
            let roles = roles.iter().filter_map(|id| world.roles.get(id));
            let named = |role: &crate::world::Role| {
                json!({ "id": role.profile["id"], "name": role.profile["name"] })
            };
            member["roles"] = roles.map(named).collect();
        }
        Some(member)
    });
    Ok(page(query, "members", members.collect()))
}

pub(super) async fn add(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let users = texts(&body, "members")?;
    let mut world = sim.world();
    if !users.iter().all(|user| world.users.contains_key(user)) {
        return Err(Refused::user());
    }
    let organization = world.organizations.get_mut(&id).ok_or_else(missing)?;
    let mut added = Vec::new();
    for user in users {
        if !organization.members.contains_key(&user) {
            organization.members.insert(user.clone(), BTreeSet::new());
            added.push(user);
        }
    }
    let profile = organization.profile.clone();
    drop(world);
    for user in added {
        sim.events.happened("organization.member.added", &object(&profile, &user));
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let users = texts(&body, "members")?;
    let mut world = sim.world();
    let organization = world.organizations.get_mut(&id).ok_or_else(missing)?;
    let gone: Vec<String> =
        users.into_iter().filter(|user| organization.members.remove(user).is_some()).collect();
    let profile = organization.profile.clone();
    drop(world);
    for user in gone {
        sim.events.happened("organization.member.deleted", &object(&profile, &user));
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn roles(
    State(sim): State<Arc<Sim>>,
    Path((id, user)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer {
    let world = sim.world();
    let organization = world.organizations.get(&id).ok_or_else(missing)?;
    let roles = organization.members.get(&user).ok_or_else(no_member)?;
    let roles = roles.iter().filter_map(|id| world.roles.get(id));
    Ok(page(query, "roles", roles.map(|role| role.profile.clone()).collect()))
}

pub(super) async fn assign(
    State(sim): State<Arc<Sim>>,
    Path((id, user)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let roles = texts(&body, "roles")?;
    if !roles.iter().all(|role| sim.world().roles.contains_key(role)) {
        return Err(Refused::missing("The role does not exist."));
    }
    let changed = |theirs: &mut BTreeSet<String>| theirs.extend(roles.clone());
    change(&sim, (&id, &user), "organization.member.role.assigned", &roles, changed)
}

pub(super) async fn unassign(
    State(sim): State<Arc<Sim>>,
    Path((id, user)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Answer<StatusCode> {
    let roles = texts(&body, "roles")?;
    let changed = |theirs: &mut BTreeSet<String>| theirs.retain(|role| !roles.contains(role));
    change(&sim, (&id, &user), "organization.member.role.deleted", &roles, changed)
}

fn change(
    sim: &Sim,
    (id, user): (&str, &str),
    event: &str,
    roles: &[String],
    change: impl FnOnce(&mut BTreeSet<String>),
) -> Answer<StatusCode> {
    let mut world = sim.world();
    let organization = world.organizations.get_mut(id).ok_or_else(missing)?;
    change(organization.members.get_mut(user).ok_or_else(no_member)?);
    let profile = organization.profile.clone();
    let named: Vec<Value> = roles
        .iter()
        .filter_map(|role| world.roles.get(role))
        .map(|role| json!({ "id": role.profile["id"], "name": role.profile["name"] }))
        .collect();
    drop(world);
    for role in named {
        let mut object = object(&profile, user);
        object["role"] = role;
        sim.events.happened(event, &object);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn object(organization: &Value, user: &str) -> Value {
    let organization = json!({ "id": organization["id"], "name": organization["name"] });
    json!({ "organization": organization, "user": { "user_id": user } })
}
