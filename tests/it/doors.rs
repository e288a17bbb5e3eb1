//! Every route of every table against every kind of intruder. A new row is covered the moment it
//! is written; without a sample event it fails here.

use anyhow::Result;
use serde_json::{Value, json};
use shared::table::Row;
use tests::{EVERYTHING, House, Organization, Person};

use crate::key::Key;
use crate::world::{World, routes};

/// Those that need a permission.
fn closed() -> Vec<(String, Row)> {
    routes().into_iter().filter(|(_, row)| row.permission.is_some()).collect()
}

fn all_rights(org: &Organization<'_>) -> Value {
    json!({ "sub": "ada", "org_id": org.org_id, "permissions": EVERYTHING })
}

/// Each closed route, called by somebody who proves nothing, answers as to anybody else.
async fn nobody(who: impl for<'a> Fn(&'a House, &Organization<'a>) -> Person<'a>) -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let intruder = who(&house, &org);
    let nothing = World::empty();
    for (name, _) in closed() {
        let reply = nothing.call(&name).by(&intruder).await?;
        assert_eq!(reply.problem(401), "unauthenticated", "{name}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer", "{name}");
        assert_eq!(reply.headers["cache-control"], "no-store", "{name}");
    }
    Ok(())
}

/// With claims that differ from an administrator's in this.
async fn nobody_with(changed: impl Fn(&mut Value)) -> Result<()> {
    nobody(|house, org| {
        let mut claims = all_rights(org);
        changed(&mut claims);
        house.with_token(&house.signer.token(&claims))
    })
    .await
}

#[test]
fn every_row_says_who_may_come_and_only_two_routes_are_open() {
    let mut open: Vec<_> = routes();
    open.retain(|(_, row)| row.permission.is_none());
    let open: Vec<_> = open.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(open, ["platform-health", "platform-openapi"], "the list of open routes may shrink");
    for (name, row) in closed() {
        let permission = row.permission.unwrap();
        assert!(EVERYTHING.contains(&permission.as_str()), "{name}: no such right: {permission}");
        let verb = if row_reads(&name) { ":read" } else { ":write" };
        assert!(permission.ends_with(verb), "{name} needs {permission}");
    }
}

fn row_reads(name: &str) -> bool {
    World::empty().call(name).method == "GET"
}

#[tokio::test]
async fn without_a_token_no_route_opens() -> Result<()> {
    nobody(|house, _| house.stranger()).await
}

#[tokio::test]
async fn garbage_for_a_token_opens_nothing() -> Result<()> {
    for garbage in ["x", "a.b.c", "..", "eyJhbGciOiJSUzI1NiJ9.e30.", "é"] {
        nobody(|house, _| house.with_token(garbage)).await?;
    }
    let long = "a".repeat(9_000);
    nobody(|house, _| house.with_token(&long)).await
}

#[tokio::test]
async fn a_token_that_another_key_signed_opens_nothing() -> Result<()> {
    let key = Key::new();
    nobody(|house, org| {
        let now = jiff::Timestamp::now().as_second();
        let mut claims = all_rights(org);
        claims["iss"] = house.signer.issuer.clone().into();
        claims["aud"] = house.signer.settings().audience.into();
        claims["exp"] = (now + 600).into();
        house.with_token(&key.token("test-key", &claims))
    })
    .await
}

#[tokio::test]
async fn an_expired_token_opens_nothing() -> Result<()> {
    let past = jiff::Timestamp::now().as_second() - 60;
    nobody_with(|claims| claims["exp"] = past.into()).await
}

#[tokio::test]
async fn a_token_for_another_audience_opens_nothing() -> Result<()> {
    nobody_with(|claims| claims["aud"] = "https://another.test".into()).await
}

#[tokio::test]
async fn a_token_of_another_issuer_opens_nothing() -> Result<()> {
    nobody_with(|claims| claims["iss"] = "https://another.test/".into()).await
}

#[tokio::test]
async fn a_token_without_an_organization_opens_nothing() -> Result<()> {
    nobody_with(|claims| claims["org_id"] = Value::Null).await
}

#[tokio::test]
async fn every_right_but_the_one_that_is_needed_is_not_enough() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let nothing = World::empty();
    for (name, row) in closed() {
        let needed = row.permission.unwrap();
        let others: Vec<_> = EVERYTHING.iter().copied().filter(|right| *right != needed).collect();
        let reply = nothing.call(&name).by(&org.member("bob", &others)).await?;
        assert_eq!(reply.problem(403), "forbidden", "{name}");
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains(&needed), "{name} does not say which right is missing: {detail}");
    }
    Ok(())
}

#[tokio::test]
async fn another_organizations_ids_lead_nowhere() -> Result<()> {
    let house = House::open()?;
    let ours = house.organization();
    let world = World::build(&house, &ours).await?;
    let mut with_an_id = 0;
    for (name, row) in closed() {
        let theirs = house.organization();
        let intruder = theirs.member("eve", &[row.permission.as_deref().unwrap()]);
        let call = world.call(&name);
        let reply = call.by(&intruder).await?;
        if call.path.split(['/', '?']).any(|part| part.len() == 36) {
            assert_eq!(reply.problem(404), "not-found", "{name}");
            with_an_id += 1;
        } else if call.method == "GET" {
            assert_eq!(reply.expect(200)["items"], json!([]), "{name} shows what is ours");
        }
    }
    assert!(with_an_id >= 17, "{with_an_id} routes with an id were tried");
    Ok(())
}

#[tokio::test]
async fn the_right_that_the_row_names_opens_the_door() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    for (name, row) in closed() {
        let guest = org.member("ada", &[row.permission.as_deref().unwrap()]);
        let reply = world.call(&name).by(&guest).await?;
        assert!(reply.status.is_success(), "{name}: {} {}", reply.status, reply.body);
    }
    Ok(())
}

#[tokio::test]
async fn the_open_routes_are_open_to_everybody() -> Result<()> {
    let house = House::open()?;
    let nothing = World::empty();
    for guest in [house.stranger(), house.with_token("garbage"), house.organization().admin()] {
        for (name, _) in routes().into_iter().filter(|(_, row)| row.permission.is_none()) {
            let reply = nothing.call(&name).by(&guest).await?;
            assert_eq!(reply.status, 200, "{name}: {}", reply.body);
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
