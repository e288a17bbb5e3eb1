//! What the analytics of a conversation say, and what the API shows of every choice.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::scripted::{Reply, Script};
use tests::{House, drive};

use crate::team;
use crate::world::text;

/// A room that was held with these remarks: its messages, and its analytics.
async fn held(remarks: &[&str], change: Value) -> Result<(Value, Value)> {
    let replies = remarks.iter().map(|remark| Reply::text(remark)).collect::<Vec<_>>();
    let house = House::with_model(Script::replies(replies))?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben", "cas"] {
        team::agent(&ada, slug).await?;
    }
    let mut room = json!({ "members": ["ann", "ben", "cas"], "turns": remarks.len() - 1 });
    room.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let steps = json!([{ "id": "talk", "kind": "room", "room": room, "document": "talk.md" }]);
    team::workflow(&ada, "room", steps).await?;
    let run = ada.post("/v1/runs", json!({ "workflow": "room", "brief": "B." })).await?;
    let run_id = text(&run.expect(202)["id"]).parse()?;
    let run = RunRef { tenant_id: org.tenant(), run_id };
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let list = ada.get(&format!("/v1/runs/{run_id}/conversations")).await?.expect(200);
    let path = format!("/v1/conversations/{}", text(&list["items"][0]["id"]));
    let messages = ada.get(&format!("{path}/messages?limit=100")).await?.expect(200);
    let analytics = ada.get(&format!("{path}/analytics")).await?.expect(200);
    let other = house.organization().admin().get(&format!("{path}/analytics")).await?;
    assert_eq!(other.status, 404, "another tenant's conversation is none");
    Ok((messages, analytics))
}

/// First takes differ; then all say what the first one said.
const YIELDS: &[&str] = &[
    "Launch payments, sales promised it.\nPOSITION: launch payments in March",
    "There is no audit trail.\nPOSITION: postpone until an audit trail exists",
    "Two engineers cannot cover nights.\nPOSITION: hire operators first",
    "Sales promised it: launch payments.\nPOSITION: launch payments in March",
    "Ann said it, launch payments.\nPOSITION: launch payments in March",
    "Launch payments, as promised.\nPOSITION: launch payments in March",
    "We launch.",
];

#[tokio::test]
async fn a_room_that_yields_is_flagged_with_what_was_given_up_and_every_voice_is_counted()
-> Result<()> {
    let (messages, found) =
        held(YIELDS, json!({ "first_takes": true, "minority_report": true })).await?;
    assert_eq!(found["verdict"], "fake_consensus", "{found}");
    assert_eq!(found["agreement"]["independent"], true);
    assert_eq!(
        (&found["agreement"]["first"], &found["agreement"]["last"]),
        (&json!(0), &json!(100))
    );
    let minority: Vec<_> =
        found["minority"].as_array().unwrap().iter().map(|m| &m["member"]).collect();
    assert_eq!(minority, ["ben", "cas"]);
    let voices = found["voices"].as_array().unwrap();
    let turns: Vec<_> = voices.iter().map(|voice| voice["turns"].as_i64().unwrap()).collect();
    assert_eq!(turns, [3, 2, 2]);
    let of_voices: i64 = voices.iter().map(|voice| voice["tokens"].as_i64().unwrap()).sum();
    let usage = messages["items"].as_array().unwrap().iter().map(|message| &message["usage"]);
    let tokens = |usage: &Value, key: &str| usage[key].as_i64().unwrap();
    let used: i64 =
        usage.map(|usage| tokens(usage, "input_tokens") + tokens(usage, "output_tokens")).sum();
    assert_eq!(of_voices, used, "nobody's tokens are lost");
    Ok(())
}

#[tokio::test]
async fn every_message_shows_why_its_speaker_was_chosen_and_who_else_might_have_been() -> Result<()>
{
    let remarks = ["ben", "I doubt it.", "root", "Me too.", "Summary."];
    let (messages, found) =
        held(&remarks, json!({ "turns": 2, "order": { "by": "model" }, "repeat": false })).await?;
    let selection = |turn: usize| &messages["items"][turn]["selection"];
    assert_eq!(selection(0)["member"], "ben");
    assert_eq!(selection(0)["reason"], "the model named them");
    assert_eq!(selection(0)["candidates"], json!(["ann", "ben", "cas"]));
    assert_eq!(selection(0)["answers"][0]["model"], "ben");
    assert_eq!(selection(1)["fallback"], "nobody who is here was named");
    assert_eq!(selection(1)["candidates"], json!(["ann", "cas"]));
    assert_eq!(selection(2)["closing"], true);
    assert_eq!(found["verdict"], "too_short");
    Ok(())
}
