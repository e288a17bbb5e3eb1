//! A room in a workflow: who speaks, why, and when it closes, as the record tells it.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::scripted::{Reply, Script};
use tests::{House, drive};

use crate::team;

/// What is on record of a room's turns: event data, in order; and the run itself.
pub(crate) async fn talk(script: Script, room: Value) -> Result<(Vec<Value>, Value, House)> {
    let house = House::with_model(script)?;
    let (turns, run) = {
        let org = house.organization();
        let ada = org.admin();
        for slug in ["ann", "ben", "cas"] {
            team::agent(&ada, slug).await?;
        }
        let steps = json!([{ "id": "talk", "kind": "room", "room": room, "document": "talk.md" }]);
        team::workflow(&ada, "room", steps).await?;
        let brief = json!({ "workflow": "room", "brief": "A shop that repairs bicycles." });
        let run = ada.post("/v1/runs", brief).await?.expect(202);
        let id = run["id"].as_str().unwrap().to_owned();
        let at = RunRef { tenant_id: org.tenant(), run_id: id.parse()? };
        assert_eq!(drive::to_the_end(house.app, at).await?, "succeeded");
        let events = ada.get(&format!("/v1/runs/{id}/events?limit=100")).await?.expect(200);
        let events = events["items"].as_array().unwrap().iter();
        let turns = events.filter(|event| event["kind"] == "turn.taken");
        let turns = turns.map(|event| event["data"].clone()).collect();
        (turns, ada.get(&format!("/v1/runs/{id}")).await?.expect(200))
    };
    Ok((turns, run, house))
}

pub(crate) fn speakers(turns: &[Value]) -> Vec<&str> {
    turns.iter().map(|turn| turn["speaker"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_model_chooses_the_speaker_and_the_record_says_who_might_have_been_and_why_not()
-> Result<()> {
    let named = ["cas", "I refuse.", "ben, or rather ann", "ben"].map(Reply::text);
    let script = Script::echo().when("Who speaks next?", named);
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 4, "repeat": false,
                       "order": { "by": "model", "instruction": "Whoever knows most." } });
    let (turns, run, house) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["cas", "ann", "ben", "cas", "ann"]);
    let selection = |turn: usize| &turns[turn]["selection"];
    assert_eq!(selection(0)["candidates"], json!(["ann", "ben", "cas"]));
    assert_eq!(selection(0)["reason"], "the model named them");
    assert_eq!(selection(1)["candidates"], json!(["ann", "ben"]), "nobody twice in a row");
    assert_eq!(selection(1)["fallback"], "nobody who is here was named");
    assert_eq!(selection(2)["fallback"], "several were named");
    assert_eq!(selection(3)["fallback"], "somebody was named who may not speak now");
    assert_eq!(selection(4)["closing"], true);
    // Four questions and five turns, each with its own call, and none of them unpaid.
    assert_eq!(house.model.count(), 9);
    let spend = &run["spend"];
    let sum = |name: &str| turns.iter().map(|turn| turn[name].as_i64().unwrap()).sum::<i64>();
    assert_eq!(spend["input_tokens"].as_i64().unwrap(), sum("input_tokens"));
    assert_eq!(spend["reserved_tokens"], 0);
    Ok(())
}

#[tokio::test]
async fn a_model_that_does_not_answer_the_question_stops_no_room() -> Result<()> {
    let broken = [400, 401, 404].map(Reply::status);
    let script = Script::echo().when("Who speaks next?", broken);
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 3,
                       "order": { "by": "model" } });
    let (turns, ..) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ann", "ben", "cas", "ann"]);
    for turn in &turns[..3] {
        assert_eq!(turn["selection"]["fallback"], "the model gave no answer");
        let reason = turn["reason"].as_str().unwrap();
        assert!(reason.contains("the model gave no answer"), "{reason}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rule_names_the_speaker_and_a_condition_closes_the_room_before_its_last_turn()
-> Result<()> {
    let script = Script::replies(["No.", "Too dear.", "We agree.", "Summary."].map(Reply::text));
    let rules = json!([{ "when": "last_text.contains('dear')", "speaker": "cas" }]);
    let until =
        json!({ "all": [{ "text": { "contains": "AGREE", "by": "cas" } }, { "turns": 2 }] });
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 20, "until": until,
                       "order": { "by": "rule", "rules": rules } });
    let (turns, ..) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ann", "ben", "cas", "ann"]);
    assert_eq!(turns[2]["reason"], "by rule: `last_text.contains('dear')`");
    let reason = turns[3]["reason"].as_str().unwrap();
    assert!(reason.contains("cas said `AGREE` and 2 turns were taken"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn a_room_that_cannot_run_is_not_published() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben"] {
        team::agent(&ada, slug).await?;
    }
    let broken = [
        (json!({ "until": { "rule": "turn +" } }), "turn +"),
        (json!({ "caps": { "zoe": 1 } }), "zoe"),
        (json!({ "order": { "by": "rule", "rules": [] } }), "1 to 50 rules"),
        (json!({ "handoffs": [{ "from": "ann", "to": ["zoe"] }] }), "zoe"),
        (json!({ "order": { "by": "manual", "patience_seconds": 20_000 } }), "36000 seconds"),
        (
            json!({ "turns": 50, "nested": [{ "name": "a", "member": "ann",
            "room": { "members": ["ann", "ben"], "turns": 11 } }] }),
            "551 turns",
        ),
        (
            json!({ "order": { "by": "model" }, "nested": [{ "name": "a", "member": "ann", "room":
            { "members": ["ann", "ben"], "turns": 2, "order": { "by": "manual" } } }] }),
            "a person is waited for",
        ),
    ];
    for (n, (change, what)) in broken.into_iter().enumerate() {
        let mut room = json!({ "members": ["ann", "ben"], "turns": 2 });
        room.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let steps = json!([{ "id": "talk", "kind": "room", "room": room }]);
        let body =
            json!({ "slug": format!("w{n}"), "definition": { "name": "w", "steps": steps } });
        let workflow = ada.post("/v1/workflows", body).await?.expect(201);
        let path = format!("/v1/workflows/{}/versions", workflow["id"].as_str().unwrap());
        let refused = ada.post(&path, json!({})).await?;
        assert_eq!(refused.problem(422), "invalid");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(what), "{detail}");
    }
    Ok(())
}
