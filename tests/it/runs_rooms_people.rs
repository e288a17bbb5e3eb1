//! A room that waits for a person to name who speaks next.

use anyhow::Result;
use runs::model::RunRef;
use runs::plan::Plan;
use runs::turn::Work;
use serde_json::{Value, json};
use tests::scripted::Script;
use tests::{House, Organization, Person, drive};

use crate::team;
use crate::world::text;

/// A run of a room in which people choose; it has been handed out.
async fn begun(
    house: &House,
    org: &Organization<'_>,
    ada: &Person<'_>,
    order: Value,
) -> Result<RunRef> {
    for slug in ["ann", "ben", "cas"] {
        team::agent(ada, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 2, "order": order });
    let steps = json!([{ "id": "talk", "kind": "room", "room": room, "document": "talk.md" }]);
    team::workflow(ada, "hall", steps).await?;
    let run = ada.post("/v1/runs", json!({ "workflow": "hall", "brief": "B." })).await?;
    let run_id = text(&run.expect(202)["id"]).parse()?;
    let run = RunRef { tenant_id: org.tenant(), run_id };
    let Plan::Work { .. } = runs::plan::handle(house.app, run).await? else {
        anyhow::bail!("nothing to do")
    };
    Ok(run)
}

async fn events(ada: &Person<'_>, run: RunRef, kind: &str) -> Result<Vec<Value>> {
    let found = ada.get(&format!("/v1/runs/{}/events?limit=100", run.run_id)).await?.expect(200);
    let items = found["items"].as_array().unwrap().iter();
    Ok(items.filter(|event| event["kind"] == kind).map(|event| event["data"].clone()).collect())
}

#[tokio::test]
async fn a_room_waits_without_a_lease_until_a_member_is_named_who_may_speak() -> Result<()> {
    let house = House::with_model(Script::echo())?;
    let org = house.organization();
    let ada = org.admin();
    let run = begun(&house, &org, &ada, json!({ "by": "manual" })).await?;
    let work = || Work { run, step_id: "talk".into(), attempt: 0 };

    // However often it looks: it is told once, holds nothing back, and asks no model.
    for _ in 0..3 {
        let report = runs::room::handle(house.app, work()).await?;
        assert_eq!((report.next, report.seconds), ("wait", Some(2)));
    }
    let waits = events(&ada, run, "room.waits").await?;
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0]["candidates"], json!(["ann", "ben", "cas"]));
    assert_eq!(house.model.count(), 0);
    let view = ada.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200);
    assert_eq!(view["spend"]["reserved_tokens"], 0);

    let path = format!("/v1/conversations/{}/speaker", text(&waits[0]["conversation_id"]));
    let name = async |turn: i32, member: &str| {
        ada.post(&path, json!({ "turn": turn, "member": member })).await
    };
    assert_eq!(name(1, "zoe").await?.problem(422), "invalid");
    assert_eq!(name(2, "cas").await?.status, 409, "it does not wait for that one");
    name(1, "cas").await?.expect(200);
    name(1, "cas").await?.expect(200);
    assert_eq!(name(1, "ben").await?.status, 409, "one was named");
    let eve = org.member("eve", &["runs:read"]);
    let refused = eve.post(&path, json!({ "turn": 1, "member": "cas" })).await?;
    assert_eq!(refused.status, 403);

    assert_eq!(runs::room::handle(house.app, work()).await?.next, "wait");
    let taken = events(&ada, run, "turn.taken").await?;
    assert_eq!(
        (&taken[0]["speaker"], &taken[0]["reason"]),
        (&json!("cas"), &json!("a person named them"))
    );
    assert_eq!(name(1, "cas").await?.status, 409, "that turn was taken");
    name(2, "ben").await?.expect(200);
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let taken = events(&ada, run, "turn.taken").await?;
    let speakers: Vec<_> = taken.iter().map(|turn| text(&turn["speaker"])).collect();
    assert_eq!(speakers, ["cas", "ben", "ann"]);
    Ok(())
}

#[tokio::test]
async fn whoever_is_silent_for_too_long_stops_nothing() -> Result<()> {
    let house = House::with_model(Script::echo())?;
    let org = house.organization();
    let ada = org.admin();
    let order = json!({ "by": "manual", "patience_seconds": 1 });
    let run = begun(&house, &org, &ada, order).await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let taken = events(&ada, run, "turn.taken").await?;
    assert_eq!(taken[0]["selection"]["fallback"], "nobody named one within 1 seconds");
    assert_eq!(events(&ada, run, "room.waits").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_room_that_waits_can_be_cancelled() -> Result<()> {
    let house = House::with_model(Script::echo())?;
    let org = house.organization();
    let ada = org.admin();
    let run = begun(&house, &org, &ada, json!({ "by": "manual" })).await?;
    let work = Work { run, step_id: "talk".into(), attempt: 0 };
    runs::room::handle(house.app, work.clone()).await?;
    ada.post(&format!("/v1/runs/{}/cancel", run.run_id), json!({})).await?.expect(202);
    assert!(runs::room::handle(house.app, work).await.is_err());
    let waits = events(&ada, run, "room.waits").await?;
    let path = format!("/v1/conversations/{}/speaker", text(&waits[0]["conversation_id"]));
    assert_eq!(ada.post(&path, json!({ "turn": 1, "member": "cas" })).await?.status, 409);
    Ok(())
}
