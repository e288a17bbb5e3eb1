//! Fields that are the server's to set, sent by a client: refused, or as if they were not there.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, Organization};
use uuid::Uuid;

use crate::record;
use crate::schema::resolve;
use crate::world::{Call, World, routes};

/// What no client sets, whatever it is a field of.
fn owned_by_the_server(canary: Uuid) -> Vec<(&'static str, Value)> {
    let id = json!(canary);
    vec![
        ("id", id.clone()),
        ("tenant_id", id.clone()),
        ("org_id", id.clone()),
        ("owner", id.clone()),
        ("owner_id", id.clone()),
        ("user_id", id.clone()),
        ("created_by", id.clone()),
        ("created_at", json!("1999-01-01T00:00:00Z")),
        ("updated_at", json!("1999-01-01T00:00:00Z")),
        ("role", json!("super-admin")),
        ("roles", json!(["super-admin"])),
        ("permissions", json!(["agents:write"])),
        ("is_admin", json!(true)),
        ("price", json!(0)),
        ("micros", json!(0)),
        ("spent", json!(0)),
        ("state", json!("succeeded")),
        ("digest", id.clone()),
        ("latest", json!("9.9.9")),
        ("imported", json!(true)),
        ("__proto__", json!({ "admin": true })),
    ]
}

/// The schema that a route's JSON must fit.
fn schema_of(document: &Value, name: &str) -> Value {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|item| item.as_object().unwrap().values());
    let operation = operations.into_iter().find(|operation| operation["operationId"] == name);
    operation.unwrap()["requestBody"]["content"]["application/json"]["schema"].clone()
}

/// What the route itself gives its clients to set.
fn declared(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema.get("$ref") {
        Some(reference) => resolve(document, reference).clone(),
        None => schema.clone(),
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, _)| name.clone()).collect()
}

fn document() -> Value {
    let file = crate::world::root().join("openapi.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn with_a_body(world: &World) -> Vec<(String, Call)> {
    let calls = routes().into_iter().map(|(name, _)| (name.clone(), world.call(&name)));
    calls.filter(|(_, call)| call.body.starts_with('{')).collect()
}

async fn strange(org: &Organization<'_>) -> Result<Vec<String>> {
    let owner = record::owner().await?;
    let found = record::fingerprint(&owner, org.tenant()).await?;
    Ok(found.into_values().filter(|table| !table.starts_with("0 rows")).collect())
}

#[tokio::test]
async fn p3_a_field_that_is_the_servers_is_refused_or_changes_nothing_on_every_route() -> Result<()>
{
    let house = House::open()?;
    let (ours, victim) = (house.organization(), house.organization());
    let world = World::build(&house, &ours).await?;
    let ada = ours.admin();
    let document = document();
    let (mut refused, mut ignored) = (0, 0);
    for (name, call) in with_a_body(&world) {
        let own = declared(&document, &schema_of(&document, &name));
        for (field, value) in owned_by_the_server(victim.tenant()) {
            if own.iter().any(|declared| declared == field) {
                continue;
            }
            let mut body: Value = serde_json::from_str(&call.body)?;
            body[field] = value.clone();
            let call = Call { body: body.to_string(), ..call.clone() };
            let reply = call.by(&ada).await?;
            if reply.status.is_client_error() {
                refused += 1;
                continue;
            }
            assert!(reply.status.is_success(), "{name} `{field}`: {}", reply.status);
            assert_ne!(reply.body[field], value, "{name} took `{field}`");
            ignored += 1;
        }
    }
    assert_eq!(strange(&victim).await?, [""; 0], "something was written for somebody else");
    tests::tell(&format!(
        "P3: {} server-owned fields tried: {refused} refused, {ignored} ignored, 0 taken",
        refused + ignored
    ));
    assert!(refused + ignored >= 150);
    Ok(())
}

/// The document says it too: what a client may send is listed, and nothing else.
#[test]
fn p3_every_object_that_a_client_sends_is_closed_or_says_that_it_is_free() {
    let document = document();
    for (name, call) in with_a_body(&World::empty()) {
        // RFC 7643 says what is in these, and RFC 7644 that what a server does not know is ignored.
        if name.starts_with("scim-") {
            continue;
        }
        let schema = schema_of(&document, &name);
        let schema = match schema.get("$ref") {
            Some(reference) => resolve(&document, reference).clone(),
            None => schema,
        };
        let closed = schema["additionalProperties"] == false;
        assert!(closed, "{name}: what else may be in {}?", call.body);
    }
}
