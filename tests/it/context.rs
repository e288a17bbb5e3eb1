//! Context through the door: what is put is checked, what is seen is one's own or granted.

use anyhow::Result;
use serde_json::{Value, json};
use tests::House;
use uuid::Uuid;

use crate::team;

fn fact(layer: &str, owner: Option<&Value>, name: &str, value: &str) -> Value {
    json!({ "layer": layer, "owner": owner, "name": name, "kind": "fact", "value": value })
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_name_that_is_put_again_has_a_new_value_and_version() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let first = ada.put("/v1/context", fact("tenant", None, "hours", "nine")).await?.expect(200);
    assert_eq!((&first["version"], &first["provenance"]["from"]), (&json!(1), &json!("person")));
    let again = ada.put("/v1/context", fact("tenant", None, "hours", "ten")).await?.expect(200);
    assert_eq!((&again["id"], &again["version"]), (&first["id"], &json!(2)));
    let path = format!("/v1/context/{}", first["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await?.expect(200)["value"], "ten");

    let mut late = fact("tenant", None, "hours", "eight");
    late["version"] = 1.into();
    assert_eq!(ada.put("/v1/context", late).await?.problem(409), "conflict");

    ada.call("DELETE", &path, &Value::Null).await?.expect(200);
    assert_eq!(ada.get(&path).await?.problem(404), "not-found");
    let new = ada.put("/v1/context", fact("tenant", None, "hours", "six")).await?.expect(200);
    assert_eq!((new["id"] == first["id"], &new["version"]), (false, &json!(1)));
    Ok(())
}

#[tokio::test]
async fn a_value_must_fit_the_schema_of_its_name_now_and_later() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let mut entry = fact("tenant", None, "terms", "x");
    entry["schema"] = json!({ "type": "object", "required": ["days"],
                              "properties": { "days": { "type": "integer", "minimum": 1 } } });
    let refused = ada.put("/v1/context", entry.clone()).await?;
    assert!(refused.body["detail"].as_str().unwrap().contains("does not fit"), "{}", refused.body);
    entry["value"] = json!({ "days": 30 });
    ada.put("/v1/context", entry.clone()).await?.expect(200);
    // Whoever puts it again without a schema meets the one that is there.
    let later =
        json!({ "layer": "tenant", "name": "terms", "kind": "fact", "value": { "days": 0 } });
    let refused = ada.put("/v1/context", later).await?;
    assert!(refused.body["detail"].as_str().unwrap().contains("/days"), "{}", refused.body);
    entry["schema"] = json!({ "type": "nothing" });
    assert_eq!(ada.put("/v1/context", entry).await?.problem(422), "invalid");
    Ok(())
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_with_what_to_do() -> Result<()> {
    let house = House::open()?;
    let others = house.organization().admin();
    team::agent(&others, "ann").await?;
    let theirs = team::workflow(&others, "one", json!([{ "id": "a", "agent": "ann" }])).await?;
    let ada = house.organization().admin();
    let with = |change: Value| {
        let mut entry = fact("tenant", None, "n", "v");
        for (key, value) in change.as_object().unwrap() {
            entry[key] = value.clone();
        }
        entry
    };
    for (change, says) in [
        (json!({ "name": "No Name" }), "lower-case"),
        (json!({ "name": "-x" }), "begins and ends"),
        (json!({ "value": null }), "value is empty"),
        (json!({ "value": "  " }), "value is empty"),
        (json!({ "value": "x".repeat(70_000) }), "may have 65536 bytes"),
        (json!({ "layer": "global" }), "comes with the product"),
        (json!({ "layer": "session" }), "owner is missing"),
        (json!({ "layer": "user", "owner": Uuid::now_v7() }), "leave owner out"),
        (json!({ "expires_at": "2020-01-01T00:00:00Z" }), "has passed"),
        (json!({ "load": { "when": "rule", "rule": {} } }), "no condition"),
        (json!({ "language": "Dutch please" }), "a tag such as"),
    ] {
        let reply = ada.put("/v1/context", with(change.clone())).await?;
        assert_eq!(reply.problem(422), "invalid", "{change}");
        assert!(reply.body["detail"].as_str().unwrap().contains(says), "{change}: {}", reply.body);
    }
    let nobodys = with(json!({ "layer": "workflow", "owner": Uuid::now_v7() }));
    assert_eq!(ada.put("/v1/context", nobodys).await?.problem(422), "owner-missing");
    for owner in [theirs["id"].as_str().unwrap(), &Uuid::now_v7().to_string()] {
        let path = format!("/v1/context?layer=workflow&owner={owner}");
        assert_eq!(ada.get(&path).await?.problem(422), "owner-missing");
    }
    Ok(())
}

#[tokio::test]
async fn ones_own_layer_is_nobody_elses_and_everybodys_needs_its_permission() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let may = ["context:read", "context:write"];
    let (ben, cas) = (org.member("ben", &may), org.member("cas", &may));
    let own = ben.put("/v1/context", fact("user", None, "tone", "short")).await?.expect(200);
    assert_eq!(names(&ben.get("/v1/context").await?.expect(200)), ["tone"]);
    assert!(names(&cas.get("/v1/context").await?.expect(200)).is_empty());
    let path = format!("/v1/context/{}", own["id"].as_str().unwrap());
    assert_eq!(cas.get(&path).await?.problem(404), "not-found");
    assert_eq!(cas.call("DELETE", &path, &Value::Null).await?.problem(404), "not-found");
    let everybodys = fact("tenant", None, "tone", "rude");
    assert_eq!(ben.put("/v1/context", everybodys.clone()).await?.problem(403), "forbidden");
    org.admin().put("/v1/context", everybodys).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn a_search_finds_both_languages_by_the_stems_of_words() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for (name, language, value) in [
        ("bikes", "en", "The repair shop mends bicycles on Tuesdays."),
        ("fietsen", "nl", "De werkplaats repareert fietsen op dinsdag."),
        ("invoices", "en", "Invoices are paid within thirty days."),
        ("facturen", "nl-BE", "Facturen worden binnen dertig dagen betaald."),
    ] {
        let mut entry = fact("tenant", None, name, value);
        entry["language"] = language.into();
        ada.put("/v1/context", entry).await?.expect(200);
    }
    for (question, found) in [
        ("repairing%20a%20bicycle", vec!["bikes"]),
        ("wanneer%20repareren%20jullie%20een%20fiets", vec!["fietsen"]),
        ("factuur,%20invoice", vec!["facturen", "invoices"]),
        ("zebra", vec![]),
    ] {
        let path = format!("/v1/context?layer=tenant&q={question}");
        let page = ada.get(&path).await?.expect(200);
        let mut names = names(&page);
        names.sort_unstable();
        assert_eq!(names, found, "{question}");
        assert!(page["next"].is_null());
    }
    let first = ada.get("/v1/context?layer=tenant&q=bicycles%20and%20invoices&limit=1").await?;
    assert_eq!(names(&first.expect(200)).len(), 1);
    Ok(())
}

#[tokio::test]
async fn grants_are_given_once_listed_and_taken_back() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let agent = team::agent(&ada, "ann").await?;
    let grant = json!({ "layer": "user", "reader": "agent", "reader_id": agent["id"] });
    let given = ada.put("/v1/context/grants", grant.clone()).await?.expect(200);
    assert_eq!(ada.put("/v1/context/grants", grant.clone()).await?.expect(200)["id"], given["id"]);
    let list = ada.get("/v1/context/grants").await?.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    // Of others' own layers nobody learns who sees them.
    let ben = org.member("ben", &["context:read", "context:write"]);
    assert!(
        ben.get("/v1/context/grants").await?.expect(200)["items"].as_array().unwrap().is_empty()
    );
    let path = format!("/v1/context/grants/{}", given["id"].as_str().unwrap());
    assert_eq!(ben.call("DELETE", &path, &Value::Null).await?.problem(404), "not-found");
    ada.call("DELETE", &path, &Value::Null).await?.expect(200);
    assert_eq!(ada.call("DELETE", &path, &Value::Null).await?.problem(404), "not-found");
    assert!(
        ada.get("/v1/context/grants").await?.expect(200)["items"].as_array().unwrap().is_empty()
    );

    let nobody = json!({ "layer": "user", "reader": "agent", "reader_id": Uuid::now_v7() });
    assert_eq!(ada.put("/v1/context/grants", nobody).await?.problem(422), "reader-missing");
    let everybodys = json!({ "layer": "tenant", "reader": "agent", "reader_id": agent["id"] });
    assert_eq!(ada.put("/v1/context/grants", everybodys).await?.problem(422), "invalid");
    Ok(())
}
