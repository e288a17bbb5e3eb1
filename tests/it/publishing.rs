//! Versions that never change, labels that move, and what differs between two.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use tests::House;

use crate::definitions::{KINDS, at_once, create, rename};
use crate::record::{self, why};
use crate::team;
use crate::world::text;

#[tokio::test]
async fn versions_only_go_up_and_only_when_there_is_something_new() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    team::agent(&ada, "worker").await?;
    for kind in KINDS {
        let path = format!("/v1/{kind}/{}", create(&ada, kind, "growing").await?);
        let versions = format!("{path}/versions");
        let publish = async |body: Value| ada.post(&versions, body).await;

        let first = publish(json!({ "bump": "major" })).await?.expect(201);
        assert_eq!((&first["version"], &first["ordinal"]), (&json!("1.0.0"), &json!(1)));
        assert_eq!(publish(json!({})).await?.problem(409), "conflict", "nothing is new");

        let asked = [
            (json!({}), "1.0.1"),
            (json!({ "bump": "minor" }), "1.1.0"),
            (json!({ "bump": "major" }), "2.0.0"),
            (json!({ "version": "2.5.0-beta.1" }), "2.5.0-beta.1"),
            (json!({ "version": "2.5.0" }), "2.5.0"),
        ];
        for (n, (body, expected)) in (1..).zip(asked) {
            rename(&ada, &path, kind, &format!("Grown {n}"), n).await?;
            let both = publish(json!({ "version": "9.0.0", "bump": "major" })).await?;
            assert_eq!(both.problem(422), "invalid");
            for low in ["0.1.0", "1.0.0"] {
                let refused = publish(json!({ "version": low })).await?;
                assert_eq!(refused.problem(409), "conflict", "{low}");
            }
            let made = publish(body).await?.expect(201);
            assert_eq!((&made["version"], &made["ordinal"]), (&json!(expected), &json!(n + 1)));
            assert_eq!(made["definition"]["name"], format!("Grown {n}"));
        }
        assert_eq!(ada.get(&path).await?.expect(200)["latest"], "2.5.0");
    }
    Ok(())
}

#[tokio::test]
async fn a_version_above_every_number_is_refused_rather_than_wrapped() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let path = format!("/v1/agents/{}", create(&ada, "agents", "huge").await?);
    let versions = format!("{path}/versions");
    let most = format!("{0}.{0}.{0}", u64::MAX);
    ada.post(&versions, json!({ "version": most })).await?.expect(201);
    for (n, bump) in (1..).zip(["patch", "minor", "major"]) {
        rename(&ada, &path, "agents", bump, n).await?;
        assert_eq!(ada.post(&versions, json!({ "bump": bump })).await?.problem(409), "conflict");
    }
    Ok(())
}

#[tokio::test]
async fn published_versions_stay_as_they_were_whatever_becomes_of_the_draft() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let path = format!("/v1/agents/{}", create(&ada, "agents", "kept").await?);
    let first = ada.post(&format!("{path}/versions"), json!({})).await?.expect(201);
    for n in 1..4 {
        rename(&ada, &path, "agents", &format!("Changed {n}"), n).await?;
        ada.post(&format!("{path}/versions"), json!({})).await?.expect(201);
    }
    let list = ada.get(&format!("{path}/versions?limit=3")).await?.expect(200);
    let numbers: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| text(&item["version"])).collect();
    assert_eq!(numbers, ["1.0.3", "1.0.2", "1.0.1"], "newest first");
    let rest = format!("{path}/versions?limit=3&cursor={}", text(&list["next"]));
    let rest = ada.get(&rest).await?.expect(200);
    assert_eq!(rest, json!({ "items": [first], "next": null }));
    Ok(())
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_or_remove_a_version() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "worker").await?;
    let flow = json!([{ "id": "only", "agent": "worker" }]);
    team::workflow(&ada, "flow", flow).await?;
    let app = record::app().await?;
    for statement in [
        "update agent_versions set definition = '{}'",
        "update agent_versions set version = '9.9.9'",
        "delete from agent_versions",
        "truncate agent_versions",
        "update workflow_versions set definition = '{}'",
        "delete from workflow_versions",
        "update messages set content = ''",
        "delete from audit_log",
    ] {
        let sql = format!("begin; select sec.enter('{}'); {statement}", org.tenant());
        let error = app.batch_execute(&sql).await.unwrap_err();
        assert!(why(&error).starts_with("42501"), "{statement}: {}", why(&error));
        app.batch_execute("rollback").await?;
    }
    Ok(())
}

#[tokio::test]
async fn publications_at_once_never_give_two_versions_of_one_number() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    team::agent(&ada, "worker").await?;
    for kind in KINDS {
        let path = format!("/v1/{kind}/{}", create(&ada, kind, "raced").await?);
        let versions = format!("{path}/versions");
        for round in 1..6 {
            let publish = || ada.post(&versions, json!({}));
            let replies = at_once((0..6).map(|_| publish())).await?;
            let made = replies.iter().filter(|reply| reply.status == 201).count();
            let refused = replies.iter().filter(|reply| reply.status == 409).count();
            assert_eq!((made, refused), (1, 5), "{kind}, round {round}");
            rename(&ada, &path, kind, &format!("Round {round}"), round).await?;
        }
        if kind == "agents" {
            let list = ada.get(&format!("{versions}?limit=100")).await?.expect(200);
            let items = list["items"].as_array().unwrap();
            let numbers: BTreeSet<_> = items.iter().map(|item| text(&item["version"])).collect();
            let ordinals: Vec<_> = items.iter().map(|item| item["ordinal"].as_i64()).collect();
            assert_eq!(numbers.len(), 5);
            assert_eq!(ordinals, [5, 4, 3, 2, 1].map(Some), "without gaps");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_label_moves_forward_and_back_and_what_it_names_follows() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let path = format!("/v1/agents/{}", create(&ada, "agents", "worker").await?);
    let labels = json!({ "labels": ["prod", "canary"] });
    let publish = async |body: &Value| ada.post(&format!("{path}/versions"), body.clone()).await;
    publish(&labels).await?.expect(201);
    rename(&ada, &path, "agents", "Second", 1).await?;
    publish(&json!({ "labels": ["canary"] })).await?.expect(201);
    let labels =
        async || Ok::<_, anyhow::Error>(ada.get(&path).await?.expect(200)["labels"].clone());
    assert_eq!(labels().await?, json!({ "prod": "1.0.0", "canary": "1.0.1" }));

    let prod = format!("{path}/labels/prod");
    let moved = ada.put(&prod, json!({ "version": "1.0.1" })).await?.expect(200);
    assert_eq!(moved["labels"]["prod"], "1.0.1");
    ada.put(&prod, json!({ "version": "1.0.0" })).await?.expect(200);
    assert_eq!(labels().await?, json!({ "prod": "1.0.0", "canary": "1.0.1" }), "rolled back");

    // A run is pinned to what the label names when it starts.
    let steps = json!([{ "id": "a", "agent": "worker@prod" }, { "id": "b", "agent": "worker" }]);
    team::workflow(&ada, "by-label", steps).await?;
    let brief = json!({ "workflow": "by-label", "brief": "b" });
    let run = ada.post("/v1/runs", brief).await?.expect(202);
    let cast: Vec<_> = run["steps"].as_array().unwrap().iter().map(|s| s["cast"].clone()).collect();
    assert_eq!(cast, [json!(["worker@prod@1.0.0"]), json!(["worker@1.0.1"])]);

    let nowhere = ada.put(&prod, json!({ "version": "7.0.0" })).await?;
    assert_eq!(nowhere.problem(404), "not-found");
    for bad in ["Prod", "9", "a_b", &"x".repeat(31), "%20"] {
        let path = format!("{path}/labels/{bad}");
        let refused = ada.put(&path, json!({ "version": "1.0.0" })).await?;
        assert_eq!(refused.problem(422), "invalid", "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn a_diff_names_every_place_that_changed_and_no_other() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    let id = create(&ada, "agents", "old").await?;
    let path = format!("/v1/agents/{id}");
    ada.post(&format!("{path}/versions"), json!({})).await?.expect(201);
    let new = json!({ "name": "New", "principles": ["one"] });
    ada.put(&path, json!({ "definition": new, "revision": 1 })).await?.expect(200);
    let expected = json!({ "changes": [
        { "path": "/name", "from": "old", "to": "New" },
        { "path": "/principles", "from": null, "to": ["one"] },
        { "path": "/role", "from": "You test.", "to": null },
    ] });
    let diff = ada.get(&format!("{path}/diff?from=1.0.0")).await?.expect(200);
    assert_eq!(diff, expected, "to the draft");
    ada.post(&format!("{path}/versions"), json!({})).await?.expect(201);
    let diff = ada.get(&format!("{path}/diff?from=1.0.0&to=1.0.1")).await?.expect(200);
    assert_eq!(diff, expected);
    let same = ada.get(&format!("{path}/diff?from=1.0.1&to=1.0.1")).await?.expect(200);
    assert_eq!(same["changes"], json!([]));
    assert_eq!(ada.get(&format!("{path}/diff")).await?.problem(422), "invalid");
    assert_eq!(ada.get(&format!("{path}/diff?from=3.0.0")).await?.problem(404), "not-found");
    Ok(())
}
