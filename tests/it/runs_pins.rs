//! A run takes with it what it starts with: later versions do not change it.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, Person, drive};

use crate::crash::start;
use crate::team;

async fn publish(person: &Person<'_>, kind: &str, id: &Value, draft: Value) -> Result<()> {
    let path = format!("/v1/{kind}/{}", id.as_str().unwrap());
    person.put(&path, draft).await?.expect(200);
    person.post(&format!("{path}/versions"), json!({})).await?.expect(201);
    Ok(())
}

async fn messages(person: &Person<'_>, run: &Value) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for step in run["steps"].as_array().unwrap() {
        let conversation = step["conversation_id"].as_str().unwrap();
        let path = format!("/v1/conversations/{conversation}/messages");
        let page = person.get(&path).await?.expect(200);
        all.extend(page["items"].as_array().unwrap().clone());
    }
    Ok(all)
}

#[tokio::test]
async fn a_run_keeps_the_versions_it_was_started_with() -> Result<()> {
    let house = House::with_model(tests::scripted::Script::echo().keeping_calls())?;
    let org = house.organization();
    let ada = org.admin();
    let agent = team::agent(&ada, "ann").await?;
    let steps =
        json!([{ "id": "only", "agent": "ann", "instruction": "Begin.", "document": "d.md" }]);
    let workflow = team::workflow(&ada, "one", steps).await?;
    let old = start(&org, &ada, "one").await?;

    let definition = json!({ "name": "Annabel", "role": "You are another one." });
    let draft = json!({ "definition": definition, "revision": 1 });
    publish(&ada, "agents", &agent["id"], draft).await?;
    let steps = json!([
        { "id": "only", "agent": "ann", "instruction": "Finish.", "document": "d.md" },
        { "id": "more", "agent": "ann", "needs": ["only"] },
    ]);
    let draft = json!({ "definition": { "name": "one", "steps": steps }, "revision": 1 });
    publish(&ada, "workflows", &workflow["id"], draft).await?;
    let new = start(&org, &ada, "one").await?;

    for (run, version, name, asked) in [(old, 1, "ann", "Begin."), (new, 2, "Annabel", "Finish.")] {
        let calls = house.model.calls().len();
        assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
        let run = ada.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200);
        let steps = run["steps"].as_array().unwrap();
        assert_eq!(steps.len(), version, "{run}");
        let messages = messages(&ada, &run).await?;
        assert_eq!(messages.len(), version);
        for (step, message) in steps.iter().zip(&messages) {
            let cast = step["cast"][0].as_str().unwrap();
            let (_, pinned) = cast.split_once('@').unwrap();
            assert_eq!(message["agent_version"], pinned, "{message}");
            assert_eq!(message["speaker"], name, "{message}");
        }
        let prompt = String::from_utf8(house.model.calls()[calls].body.clone())?;
        assert!(prompt.contains(&format!("You are {name}")), "{prompt}");
        assert!(prompt.contains(asked), "{prompt}");
    }
    Ok(())
}

#[tokio::test]
async fn a_run_of_an_older_version_can_be_asked_for_by_name() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let workflow = team::workflow(&ada, "one", json!([{ "id": "a", "agent": "ann" }])).await?;
    let path = format!("/v1/workflows/{}", workflow["id"].as_str().unwrap());
    let first = ada.get(&path).await?.expect(200);
    let steps = json!([{ "id": "b", "agent": "ann" }]);
    let draft = json!({ "definition": { "name": "one", "steps": steps }, "revision": 1 });
    publish(&ada, "workflows", &workflow["id"], draft).await?;

    let run = start(&org, &ada, "one").await?;
    let newest = ada.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200);
    assert_eq!(newest["steps"][0]["id"], "b");
    let version = first["latest"].as_str().unwrap();
    let run = start(&org, &ada, &format!("one@{version}")).await?;
    let older = ada.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200);
    assert_eq!(
        (&older["steps"][0]["id"], &older["workflow_version"]),
        (&json!("a"), &json!(version))
    );

    let nowhere = json!({ "workflow": "one@9.9.9", "brief": "A shop." });
    assert_eq!(ada.post("/v1/runs", nowhere).await?.problem(422), "workflow-missing");
    Ok(())
}
