//! The route table is the law: every route of every table against every kind of visitor. Both sides
//! are read: a new row is a new line of the matrix the moment it is written, and one without a
//! sample event, or whose right nobody has heard of, fails here.

use anyhow::Result;
use serde_json::{Value, json};
use shared::table::{Access, Callers, Row};
use tests::{EVERYTHING, House, Organization, Person};

use crate::key::Key;
use crate::visitors::{self, Keys, Scene, Verdict};
use crate::world::{ENDS_ALL, World, routes};

/// Those that ask nobody who they are, and what a stranger is told: the way in itself, whose
/// answers prove who may come by other means.
const OPEN: [(&str, u16); 6] = [
    ("identity-callback", 422),
    ("identity-login", 303),
    ("identity-refresh", 401),
    ("identity-style", 200),
    ("platform-health", 200),
    ("platform-openapi", 200),
];

/// Those that need a permission.
fn closed() -> Vec<(String, Row)> {
    routes().into_iter().filter(|(_, row)| row.access.permission.is_some()).collect()
}

#[test]
fn every_row_says_who_may_come_and_the_open_ones_are_listed() {
    let mut open: Vec<_> = routes();
    open.retain(|(_, row)| row.access.permission.is_none());
    let open: Vec<_> = open.iter().map(|(name, _)| name.as_str()).collect();
    let listed: Vec<_> = OPEN.iter().map(|(name, _)| *name).collect();
    assert_eq!(open, listed, "the list of open routes may shrink");
    for (name, row) in closed() {
        let permission = row.access.permission.unwrap();
        assert!(EVERYTHING.contains(&permission.as_str()), "{name}: no such right: {permission}");
        let verb = if row_reads(&name) { ":read" } else { ":write" };
        assert!(permission.ends_with(verb), "{name} needs {permission}");
    }
}

fn row_reads(name: &str) -> bool {
    World::empty().call(name).method == "GET"
}

/// The matrix. Whoever gets in asks for what is not there, so that nothing changes between cells.
#[tokio::test]
async fn a25_every_route_treats_every_visitor_as_its_row_says() -> Result<()> {
    let house = House::open()?;
    let ours = house.organization();
    let keys = Keys::of(&ours).await?;
    let (visitors, routes) = (visitors::all(), routes());
    let alone: Vec<_> = visitors.iter().map(|_| house.organization()).collect();
    let mut scene = Scene { house: &house, org: &ours, forger: Key::new(), keys };
    let nothing = World::empty();
    let mut cells = 0;
    for (visitor, alone) in visitors.iter().zip(&alone) {
        for (name, row) in &routes {
            scene.org = if name == ENDS_ALL { alone } else { &ours };
            let Some(person) = (visitor.arrives)(&scene, &row.access) else { continue };
            let reply = nothing.call(name).by(&person).await?;
            let cell = format!("{name} × {}: {} {}", visitor.name, reply.status, reply.body);
            let expected = match row.access.permission {
                // It asks for a session itself, because it takes one that is stale.
                None if name == "identity-refresh" => Verdict::Unknown,
                None => Verdict::In,
                Some(_) => (visitor.verdict)(&row.access),
            };
            expected.judge(&row.access, &reply, &cell);
            cells += 1;
        }
    }
    let size = format!("{} routes × {} visitors", routes.len(), visitors.len());
    tests::tell(&format!("A25: {size}, {cells} cells, all as the tables say"));
    assert!(cells >= routes.len() * 20, "only {cells} cells");
    Ok(())
}

/// The last column: who has the one right that the row names, and nothing else, does the work.
#[tokio::test]
async fn a25_the_right_that_the_row_names_opens_the_door() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    for (name, row) in closed() {
        let alone = house.organization();
        let org = if name == ENDS_ALL { &alone } else { &org };
        let reply = world.call(&name).by(&rightful(org, &row.access)).await?;
        let done = reply.status.is_success() || reply.status == 303;
        assert!(done, "{name}: {} {}", reply.status, reply.body);
    }
    Ok(())
}

/// Whom the row was written for.
fn rightful<'a>(org: &Organization<'a>, access: &Access) -> Person<'a> {
    let permission = access.permission.as_deref().unwrap();
    match access.callers {
        Callers::Machines => visitors::machine(org, &[permission]),
        _ => org.member("ada", &[permission]),
    }
}

/// The column «right permission of another tenant», with ids of things that are there.
#[tokio::test]
async fn a25_another_organizations_ids_lead_nowhere() -> Result<()> {
    let house = House::open()?;
    let ours = house.organization();
    let world = World::build(&house, &ours).await?;
    let mut with_an_id = 0;
    for (name, row) in closed() {
        let theirs = house.organization();
        let call = world.call(&name);
        let reply = call.by(&rightful(&theirs, &row.access)).await?;
        if call.path.split(['/', '?']).any(|part| part.len() == 36) {
            assert_eq!(reply.problem(404), "not-found", "{name}");
            with_an_id += 1;
        } else if call.method == "GET" {
            let shown = reply.expect(200);
            // What is the product's own is the same for everybody.
            let alike = [
                "access-catalogue",
                "identity-account",
                "identity-session",
                "scim-config",
                "scim-types",
                "scim-type-get",
                "scim-schemas",
                "scim-schema-get",
            ];
            let items = if name.starts_with("scim-") { "Resources" } else { "items" };
            let own = alike.contains(&name.as_str());
            assert!(own || shown[items] == json!([]), "{name} shows what is ours: {shown}");
        }
    }
    assert!(with_an_id >= 17, "{with_an_id} routes with an id were tried");
    Ok(())
}

/// A26: the tenant is the token's, whatever else a request names.
#[tokio::test]
async fn a26_no_header_query_or_body_chooses_the_tenant() -> Result<()> {
    let house = House::open()?;
    let ours = house.organization();
    let world = World::build(&house, &ours).await?;
    let theirs = house.organization();
    let (tenant, org) = (ours.tenant().to_string(), ours.org_id.clone());
    let headers = ["x-tenant-id", "x-org-id", "x-organization", "x-forwarded-user", "x-user-id"];
    for (name, row) in closed().into_iter().filter(|(name, _)| row_reads(name)) {
        let eve = rightful(&theirs, &row.access);
        let call = world.call(&name);
        let plain = call.by(&eve).await?;
        for header in headers {
            for value in [&tenant, &org] {
                let reply = eve.send("GET", &call.path, &[(header, value)], "").await?;
                assert_eq!(reply.body, plain.body, "{name}: `{header}` changes what is seen");
            }
        }
        let joint = if call.path.contains('?') { '&' } else { '?' };
        for parameter in ["tenant_id", "tenant", "org_id", "organization"] {
            let path = format!("{}{joint}{parameter}={tenant}", call.path);
            let reply = eve.get(&path).await?;
            let ignored = reply.body == plain.body;
            assert!(ignored || reply.status.is_client_error(), "{path}: {}", reply.body);
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_open_routes_are_open_to_everybody() -> Result<()> {
    let house = House::open()?;
    let nothing = World::empty();
    for guest in [house.stranger(), house.with_token("garbage"), house.organization().admin()] {
        for (name, _) in routes().into_iter().filter(|(_, row)| row.access.permission.is_none()) {
            let reply = nothing.call(&name).by(&guest).await?;
            let (_, expected) = OPEN.iter().find(|(open, _)| *open == name).unwrap();
            assert_eq!(reply.status, *expected, "{name}: {}", reply.body);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_path_that_is_nobodys_is_a_problem_and_so_is_a_wrong_method() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for path in ["/", "/v1", "/v1/agents/", "/v2/agents", "/v1/agents/x/y/z", "//"] {
        assert_eq!(ada.get(path).await?.problem(404), "not-found", "{path}");
    }
    for (method, path) in [("DELETE", "/v1/agents"), ("PATCH", "/v1/runs"), ("POST", "/v1/health")]
    {
        let reply = ada.send(method, path, &[], "").await?;
        assert_eq!(reply.problem(405), "method-not-allowed", "{method} {path}");
        assert!(reply.headers.contains_key("allow"), "{method} {path}");
    }
    Ok(())
}

/// A cell that the matrix would miss: rights that are no list of texts are no rights.
#[tokio::test]
async fn a25_rights_of_another_form_are_none() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    for odd in [
        json!("agents:read"),
        json!({ "agents:read": true }),
        json!([["agents:read"]]),
        json!(["agents:*"]),
        json!(["*"]),
        json!(["AGENTS:READ"]),
        json!(["agents:read "]),
        json!(["agents:write agents:read"]),
        Value::Null,
    ] {
        let claims = json!({ "sub": "ada", "org_id": org.org_id, "permissions": odd });
        let eve = house.with_token(&house.signer.token(&claims));
        let reply = eve.get("/v1/agents").await?;
        assert!([401, 403].contains(&reply.status.as_u16()), "{odd}: {}", reply.status);
    }
    Ok(())
}
