//! SCIM as identity providers use it, beyond what the judge tries: filters, pages, versions, PATCH,
//! tenants, and what a deactivation ends.

use anyhow::Result;
use provisioning::management::encoded;
use serde_json::{Value, json};
use tests::{EVERYTHING, House, Organization, Person, Reply};

use crate::record;
use crate::world::text;

async fn user(who: &Person<'_>, name: &str, more: Value) -> Result<Value> {
    let mut body = json!({ "userName": name });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    Ok(who.post("/scim/v2/Users", body).await?.expect(201))
}

async fn patch(who: &Person<'_>, path: &str, operations: Value) -> Result<Reply> {
    let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:PatchOp"]);
    who.call("PATCH", path, &json!({ "schemas": schemas, "Operations": operations })).await
}

async fn found(who: &Person<'_>, filter: &str) -> Result<Vec<String>> {
    let path = format!("/scim/v2/Users?filter={}", encoded(filter));
    let list = who.get(&path).await?.expect(200);
    let names = list["Resources"].as_array().unwrap().iter().map(|user| text(&user["userName"]));
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(list["totalResults"], names.len(), "{filter}");
    Ok(names)
}

#[tokio::test]
async fn a47_filters_find_whom_they_mean() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let ext = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let mail = |value: &str, kind: &str| json!([{ "value": value, "type": kind, "primary": true }]);
    user(&ada, "Ann@x.org", json!({ "title": "Boss", "emails": mail("ann@x.org", "work") }))
        .await?;
    user(
        &ada,
        "ben@x.org",
        json!({ "active": false, "emails": mail("BEN@home.org", "home"),
        "name": { "familyName": "O'Brien" }, "externalId": "E1" }),
    )
    .await?;
    user(&ada, "cas@y.org", json!({ "displayName": "C.*\"\\", ext: { "department": "R&D" } }))
        .await?;
    for (filter, expected) in [
        ("userName eq \"ANN@X.ORG\"", vec!["Ann@x.org"]),
        ("userName sw \"ann\" or userName ew \"Y.ORG\"", vec!["Ann@x.org", "cas@y.org"]),
        ("userName co \"x.o\" and not (active eq false)", vec!["Ann@x.org"]),
        ("active eq false", vec!["ben@x.org"]),
        ("externalId eq \"E1\"", vec!["ben@x.org"]),
        ("externalId eq \"e1\"", vec![]),
        ("title pr", vec!["Ann@x.org"]),
        ("title ne \"boss\"", vec!["ben@x.org", "cas@y.org"]),
        ("emails co \"home\"", vec!["ben@x.org"]),
        ("emails[type eq \"work\" and value sw \"ann\"]", vec!["Ann@x.org"]),
        ("emails[type eq \"work\" and value sw \"ben\"]", vec![]),
        ("name.familyName eq \"o'brien\"", vec!["ben@x.org"]),
        ("displayName co \".*\\\"\\\\\"", vec!["cas@y.org"]),
        ("displayName ew \"x\"", vec![]),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"r&d\"",
            vec!["cas@y.org"],
        ),
        ("meta.lastModified gt \"2020-01-01T00:00:00Z\" and title pr", vec!["Ann@x.org"]),
        ("meta.lastModified lt \"2020-01-01T00:00:00+01:00\"", vec![]),
        ("userName gt \"b\"", vec!["ben@x.org", "cas@y.org"]),
    ] {
        assert_eq!(found(&ada, filter).await?, expected, "{filter}");
    }
    let refused = ada.get("/scim/v2/Users?filter=userName%20like%20%22a%22").await?;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["scimType"]),
        (400, &json!("invalidFilter"))
    );
    Ok(())
}

#[tokio::test]
async fn a47_pages_do_not_overlap_and_count_everybody() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for n in 0..7 {
        user(&ada, &format!("u{n}"), json!({})).await?;
    }
    let mut seen = Vec::new();
    for start in [1, 4, 7, 10] {
        let path = format!("/scim/v2/Users?startIndex={start}&count=3");
        let page = ada.get(&path).await?.expect(200);
        assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(7), &json!(start)));
        let here = page["Resources"].as_array().unwrap();
        assert_eq!(page["itemsPerPage"], here.len());
        seen.extend(here.iter().map(|user| text(&user["id"])));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    let none = ada.get("/scim/v2/Users?count=0").await?.expect(200);
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(7), &json!([])));
    Ok(())
}

#[tokio::test]
async fn a47_only_the_version_that_was_seen_is_changed() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let made = ada.post("/scim/v2/Users", json!({ "userName": "a" })).await?;
    let tag = made.headers["etag"].to_str()?.to_owned();
    let path = text(&made.body["meta"]["location"]);
    assert_eq!(made.headers["location"], path.as_str());
    let kind = ("content-type", "application/scim+json");
    let body = json!({ "userName": "a", "title": "T" }).to_string();
    let put =
        async |tag: &str| ada.send("PUT", &path, &[kind, ("if-match", tag)], body.clone()).await;
    let changed = put(&tag).await?;
    assert_eq!(changed.status, 200);
    let newer = changed.headers["etag"].to_str()?.to_owned();
    assert_ne!(newer, tag);
    assert_eq!(put(&tag).await?.problem(412), "precondition-failed");
    assert_eq!(put("*").await?.status, 200, "the same again changes nothing");
    let known = ada.send("GET", &path, &[("if-none-match", &newer)], "").await?;
    assert_eq!(known.status, 304);
    assert_eq!(ada.send("GET", &path, &[("if-none-match", &tag)], "").await?.status, 200);
    assert_eq!(ada.send("DELETE", &path, &[("if-match", &tag)], "").await?.status, 412);
    assert_eq!(ada.send("DELETE", &path, &[("if-match", &newer)], "").await?.status, 204);
    assert_eq!(ada.get(&path).await?.problem(404), "not-found");
    Ok(())
}

#[tokio::test]
async fn a47_a_name_is_taken_once_and_free_again_after_a_deletion() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let first = user(&ada, "Same@x.org", json!({})).await?;
    let second = ada.post("/scim/v2/Users", json!({ "userName": "same@X.org" })).await?;
    assert_eq!((second.status.as_u16(), &second.body["scimType"]), (409, &json!("uniqueness")));
    let path = text(&first["meta"]["location"]);
    assert_eq!(ada.send("DELETE", &path, &[], "").await?.status, 204);
    user(&ada, "same@x.org", json!({})).await?;
    Ok(())
}

#[tokio::test]
async fn a47_operations_as_the_large_providers_send_them_are_understood() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let made = user(&ada, "a", json!({})).await?;
    let path = text(&made["meta"]["location"]);
    let changed = patch(&ada, &path, json!([
        { "op": "Replace", "path": "active", "value": "False" },
        { "op": "Add", "path": "emails[type eq \"work\"].value", "value": "a@x.org" },
        { "op": "replace", "value": { "displayName": "A", "name.givenName": "Ann", "unknown": 1 } },
        { "op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
          "value": "Sales" },
    ])).await?.expect(200);
    assert_eq!(changed["active"], false);
    assert_eq!(changed["emails"], json!([{ "type": "work", "value": "a@x.org" }]));
    assert_eq!(
        (&changed["displayName"], &changed["name"]["givenName"]),
        (&json!("A"), &json!("Ann"))
    );
    let enterprise = &changed["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert_eq!(enterprise["department"], "Sales");

    let group = json!({ "displayName": "G", "members": [{ "value": made["id"] }] });
    let group = ada.post("/scim/v2/Groups", group).await?.expect(201);
    let group = text(&group["meta"]["location"]);
    let shown = ada.get(&path).await?.expect(200);
    assert_eq!(shown["groups"][0]["display"], "G");
    let twice = json!([{ "op": "add", "path": "members", "value": [{ "value": made["id"] }] }]);
    assert_eq!(
        patch(&ada, &group, twice).await?.expect(200)["members"].as_array().unwrap().len(),
        1
    );
    let filter = format!("members[value eq {}]", made["id"]);
    let gone = patch(&ada, &group, json!([{ "op": "remove", "path": filter }])).await?.expect(200);
    assert!(gone.get("members").is_none(), "{gone}");
    let nobody = json!([{ "op": "add", "path": "members", "value": [{ "value": "nobody" }] }]);
    assert_eq!(patch(&ada, &group, nobody).await?.status, 400);
    for (operation, kind) in [
        (json!({ "op": "remove" }), "noTarget"),
        (json!({ "op": "replace", "path": "id", "value": "x" }), "mutability"),
        (json!({ "op": "replace", "path": "nothing", "value": "x" }), "invalidPath"),
        (json!({ "op": "remove", "path": "userName" }), "invalidValue"),
        (json!({ "op": "fly", "path": "title", "value": "x" }), "invalidValue"),
        (json!({ "op": "remove", "path": "emails[type eq \"fax\"].value" }), "noTarget"),
    ] {
        let refused = patch(&ada, &path, json!([operation])).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["scimType"]),
            (400, &json!(kind)),
            "{operation}"
        );
    }
    Ok(())
}

/// A key of one organization, before what belongs to another.
#[tokio::test]
async fn a47_another_organizations_people_and_groups_are_not_there() -> Result<()> {
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    let made = user(&ours.admin(), "a", json!({})).await?;
    let path = text(&made["meta"]["location"]);
    let body =
        json!({ "name": "scim", "permissions": ["provisioning:read", "provisioning:write"] });
    let key = text(&theirs.admin().post("/v1/keys", body).await?.expect(201)["secret"]);
    let key = house.with_token(&key);
    assert_eq!(key.get(&path).await?.problem(404), "not-found");
    assert_eq!(key.put(&path, json!({ "userName": "b" })).await?.problem(404), "not-found");
    assert_eq!(
        patch(&key, &path, json!([{ "op": "remove", "path": "title" }])).await?.problem(404),
        "not-found"
    );
    assert_eq!(key.send("DELETE", &path, &[], "").await?.problem(404), "not-found");
    assert_eq!(key.get("/scim/v2/Users").await?.expect(200)["totalResults"], 0);
    let group = json!({ "displayName": "G", "members": [{ "value": made["id"] }] });
    assert_eq!(
        key.post("/scim/v2/Groups", group).await?.status,
        400,
        "named somebody of another organization"
    );
    user(&key, "a", json!({})).await?;
    Ok(())
}

/// Links a person of the directory to whom the issuer calls so, as a push or an event does.
async fn is(org: &Organization<'_>, name: &str, sub: &str) -> Result<()> {
    let owner = record::owner().await?;
    let tenant = org.tenant();
    let link = format!("update directory set sub = '{sub}' where user_name = '{name}'");
    owner.batch_execute(&format!("begin; select sec.enter('{tenant}'); {link}; commit")).await?;
    Ok(())
}

#[tokio::test]
async fn a44_deactivated_by_the_identity_provider_everything_of_theirs_ends() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", EVERYTHING));
    crate::team::five_steps(&ada).await?;
    let made = user(&ada, "bob@x.org", json!({})).await?;
    is(&org, "bob@x.org", "bob").await?;
    let path = text(&made["meta"]["location"]);
    let key = json!({ "name": "k", "permissions": ["runs:read"] });
    let key = text(&bob.post("/v1/keys", key).await?.expect(201)["secret"]);
    let key = house.with_token(&key);
    let run = json!({ "workflow": "five", "brief": "Bicycles." });
    let run = bob.post("/v1/runs", run).await?.expect(202);
    key.get("/v1/runs").await?.expect(200);

    let started = std::time::Instant::now();
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    patch(&ada, &path, off).await?.expect(200);
    assert_eq!(bob.get("/v1/runs").await?.status, 401);
    assert_eq!(key.get("/v1/runs").await?.status, 401);
    tests::tell(&format!("A44: refused {} ms after the call", started.elapsed().as_millis()));
    let run = ada.get(&format!("/v1/runs/{}", text(&run["id"]))).await?.expect(200);
    assert_eq!(run["state"], "cancelled");
    let owner = record::owner().await?;
    owner.batch_execute(&format!("begin; select sec.enter('{}')", org.tenant())).await?;
    let told =
        record::rows(&owner, "select action from audit_log order by id desc limit 4").await?;
    let told: Vec<_> = told.into_iter().flatten().collect();
    for action in ["directory.user-changed", "member.blocked", "run.cancelled"] {
        assert!(told.iter().any(|one| one == action), "{action} is not in {told:?}");
    }
    let waiting =
        record::rows(&owner, "select count(*) from outbox where topic = 'run.stop'").await?;
    assert_eq!(waiting[0][0], "1", "Step Functions is to be told");

    let on = json!([{ "op": "replace", "path": "active", "value": true }]);
    patch(&ada, &path, on).await?.expect(200);
    assert_eq!(key.get("/v1/runs").await?.status, 401, "a revoked key came back");
    Ok(())
}
