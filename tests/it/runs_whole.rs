//! A run from its brief to its documents, as people see it.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::json;
use tests::{House, drive};

use crate::team;

#[tokio::test]
async fn a_brief_goes_in_and_documents_come_out() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;

    let brief = json!({ "workflow": "five", "brief": "A shop that repairs bicycles." });
    let run = ada.post("/v1/runs", brief).await?.expect(202);
    assert_eq!(run["state"], "queued");
    let id = run["id"].as_str().unwrap().to_owned();
    let at = RunRef { tenant_id: org.tenant(), run_id: id.parse()? };
    assert_eq!(drive::to_the_end(house.app, at).await?, "succeeded");

    let run = ada.get(&format!("/v1/runs/{id}")).await?.expect(200);
    assert_eq!(run["state"], "succeeded", "{run}");
    for step in run["steps"].as_array().unwrap() {
        assert_eq!(step["state"], "succeeded", "{step}");
    }
    let documents = ada.get(&format!("/v1/runs/{id}/documents")).await?.expect(200);
    let names: Vec<_> = documents["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");

    let spend = &run["spend"];
    assert_eq!(spend["reserved_tokens"], 0);
    assert!(spend["input_tokens"].as_i64().unwrap() > 0);

    let events = ada.get(&format!("/v1/runs/{id}/events?limit=100")).await?.expect(200);
    let events = events["items"].as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["run.queued", "run.started", "step.scheduled"]);
    assert_eq!(kinds.last(), Some(&"run.succeeded"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "turn.taken").count(), 8);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence"], at + 1);
    }
    Ok(())
}
