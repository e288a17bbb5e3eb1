//! Roles and members: what somebody may do is their token cut down to their roles, at once, and
//! nobody hands out what they do not hold.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use tests::{EVERYTHING, House, Organization, Person};
use uuid::Uuid;

use crate::world::{routes, text};

/// A member of this subject, on record; returns the id.
async fn arrived(org: &Organization<'_>, sub: &str) -> Result<Uuid> {
    let body = json!({ "slug": format!("of-{sub}"), "definition": { "name": sub } });
    org.member(sub, &["agents:write"]).post("/v1/agents", body).await?.expect(201);
    Ok(Uuid::new_v5(&org.tenant(), sub.as_bytes()))
}

async fn give(who: &Person<'_>, member: Uuid, roles: &[&str]) -> Result<tests::Reply> {
    who.put(&format!("/v1/members/{member}/roles"), json!({ "roles": roles })).await
}

fn role(slug: &str, permissions: &[&str]) -> Value {
    json!({ "slug": slug, "name": slug, "permissions": permissions })
}

#[test]
fn every_permission_of_a_route_is_in_the_catalogue_and_in_the_list_of_the_tests() {
    let catalogue = shared::auth::roles::catalogue().unwrap();
    let known: BTreeSet<_> = catalogue.permissions.keys().map(String::as_str).collect();
    assert_eq!(known, EVERYTHING.iter().copied().collect(), "roles.json and EVERYTHING differ");
    for (name, row) in routes() {
        let Some(permission) = row.access.permission else { continue };
        assert!(known.contains(permission.as_str()), "{name}: {permission} is not in roles.json");
    }
}

#[tokio::test]
async fn a_role_cuts_a_token_down_at_once_and_taking_it_away_gives_back() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", EVERYTHING));
    let id = arrived(&org, "bob").await?;
    bob.get("/v1/runs").await?.expect(200);
    bob.get("/v1/keys").await?.expect(200);

    give(&ada, id, &["viewer"]).await?.expect(200);
    bob.get("/v1/runs").await?.expect(200);
    assert_eq!(bob.get("/v1/keys").await?.problem(403), "forbidden");

    ada.post("/v1/roles", role("key-reader", &["keys:read"])).await?.expect(201);
    give(&ada, id, &["key-reader"]).await?.expect(200);
    bob.get("/v1/keys").await?.expect(200);
    assert_eq!(bob.get("/v1/runs").await?.problem(403), "forbidden");

    give(&ada, id, &[]).await?.expect(200);
    bob.get("/v1/runs").await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn a_role_never_adds_to_a_token() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let id = arrived(&org, "bob").await?;
    give(&org.admin(), id, &["tenant-admin"]).await?.expect(200);
    let bob = org.member("bob", &["runs:read"]);
    bob.get("/v1/runs").await?.expect(200);
    assert_eq!(bob.get("/v1/keys").await?.problem(403), "forbidden");
    Ok(())
}

#[tokio::test]
async fn a_changed_role_is_in_force_at_once_for_everybody_who_has_it() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", EVERYTHING));
    let id = arrived(&org, "bob").await?;
    let made = ada.post("/v1/roles", role("watcher", &["runs:read"])).await?.expect(201);
    give(&ada, id, &["watcher"]).await?.expect(200);
    bob.get("/v1/runs").await?.expect(200);

    let path = format!("/v1/roles/{}", text(&made["id"]));
    let change = json!({ "name": "Watcher", "permissions": ["documents:read"], "revision": 1 });
    ada.put(&path, change.clone()).await?.expect(200);
    assert_eq!(bob.get("/v1/runs").await?.problem(403), "forbidden");
    assert_eq!(ada.put(&path, change).await?.problem(409), "conflict", "a lost update");
    assert_eq!(ada.call("DELETE", &path, &Value::Null).await?.problem(409), "conflict");
    give(&ada, id, &[]).await?.expect(200);
    ada.call("DELETE", &path, &Value::Null).await?.expect(200);
    assert_eq!(ada.get(&path).await?.problem(404), "not-found");
    assert_eq!(give(&ada, id, &["watcher"]).await?.problem(422), "invalid");
    ada.post("/v1/roles", role("watcher", &[])).await?.expect(201);
    Ok(())
}

#[tokio::test]
async fn nobody_hands_out_or_takes_what_they_do_not_hold() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let bob = arrived(&org, "bob").await?;
    let carol = arrived(&org, "carol").await?;
    let strong = ada.post("/v1/roles", role("strong", &["keys:write"])).await?.expect(201);
    let strong = format!("/v1/roles/{}", text(&strong["id"]));
    give(&ada, carol, &["strong"]).await?.expect(200);

    let limited = org.member("eve", &["members:write", "roles:write", "roles:read", "keys:read"]);
    for roles in [&["tenant-admin"][..], &["strong"], &["viewer"], &["roles-nobody-has"]] {
        let refused = give(&limited, bob, roles).await?;
        assert!([403, 422].contains(&refused.status.as_u16()), "{roles:?}: {}", refused.body);
    }
    assert_eq!(give(&limited, carol, &[]).await?.problem(403), "forbidden", "took `strong` away");
    let path = format!("/v1/members/{carol}");
    assert_eq!(limited.call("DELETE", &path, &Value::Null).await?.problem(403), "forbidden");
    let wider = role("wider", &["keys:write"]);
    assert_eq!(limited.post("/v1/roles", wider).await?.problem(403), "forbidden");
    let change = json!({ "name": "Strong", "permissions": [], "revision": 1 });
    assert_eq!(limited.put(&strong, change).await?.problem(403), "forbidden");
    assert_eq!(limited.call("DELETE", &strong, &Value::Null).await?.problem(403), "forbidden");
    limited.post("/v1/roles", role("same", &["keys:read"])).await?.expect(201);
    give(&limited, bob, &["same"]).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn nobody_changes_their_own_roles_and_the_last_admin_stays() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let own = arrived(&org, "ada").await?;
    let bob = arrived(&org, "bob").await?;
    assert_eq!(give(&ada, own, &["viewer"]).await?.problem(403), "forbidden");
    let path = format!("/v1/members/{own}");
    assert_eq!(ada.call("DELETE", &path, &Value::Null).await?.problem(403), "forbidden");

    give(&ada, bob, &["tenant-admin"]).await?.expect(200);
    assert_eq!(give(&ada, bob, &["viewer"]).await?.problem(409), "conflict");
    let path = format!("/v1/members/{bob}");
    assert_eq!(ada.call("DELETE", &path, &Value::Null).await?.problem(409), "conflict");
    give(&org.member("bob", EVERYTHING), own, &["tenant-admin"]).await?.expect(200);
    give(&ada, bob, &["viewer"]).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn of_two_admins_who_take_each_others_role_at_once_one_is_left() -> Result<()> {
    let house = House::open()?;
    for _ in 0..10 {
        let org = house.organization();
        let (ada, bob) = (org.admin(), org.member("bob", EVERYTHING));
        let (a, b) = (arrived(&org, "ada").await?, arrived(&org, "bob").await?);
        give(&ada, b, &["tenant-admin"]).await?.expect(200);
        give(&bob, a, &["tenant-admin"]).await?.expect(200);
        let (one, other) = tokio::join!(give(&ada, b, &[]), give(&bob, a, &[]));
        let (one, other) = (one?.status.as_u16(), other?.status.as_u16());
        assert!((one == 200) != (other == 200), "{one} {other}");
        assert!([403, 409].contains(&one.max(other)), "{one} {other}");
    }
    Ok(())
}

#[tokio::test]
async fn a_removed_member_is_refused_until_roles_let_them_in_again() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", EVERYTHING));
    let id = arrived(&org, "bob").await?;
    let key = json!({ "name": "bobs", "permissions": ["runs:read"] });
    let key = text(&bob.post("/v1/keys", key).await?.expect(201)["secret"]);
    house.with_token(&key).get("/v1/runs").await?.expect(200);

    let path = format!("/v1/members/{id}");
    let removed = ada.call("DELETE", &path, &Value::Null).await?.expect(200);
    assert_eq!((&removed["state"], &removed["roles"]), (&json!("removed"), &json!([])));
    let after = bob.get("/v1/runs").await?;
    assert!([401, 403].contains(&after.status.as_u16()), "{}", after.body);
    assert_eq!(house.with_token(&key).get("/v1/runs").await?.status, 401);

    give(&ada, id, &["developer"]).await?.expect(200);
    assert_eq!(ada.get(&path).await?.expect(200)["state"], "active");
    assert_eq!(house.with_token(&key).get("/v1/runs").await?.status, 401, "its key came back");
    Ok(())
}
