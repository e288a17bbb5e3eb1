//! A fork keeps what is on record, asks no model for it again, and goes on; and what two runs differ in.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::scripted::{Reply, Script};
use tests::{House, Organization, Person, drive};
use uuid::Uuid;

use crate::crash::start;
use crate::team;

async fn fork(
    org: &Organization<'_>,
    person: &Person<'_>,
    from: RunRef,
    at: Value,
) -> Result<RunRef> {
    let path = format!("/v1/runs/{}/fork", from.run_id);
    let run = person.post(&path, at).await?.expect(202);
    assert_eq!(run["forked_from"]["run_id"], from.run_id.to_string());
    Ok(RunRef { tenant_id: org.tenant(), run_id: run["id"].as_str().unwrap().parse()? })
}

async fn seen(person: &Person<'_>, run: RunRef) -> Result<Value> {
    Ok(person.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200))
}

async fn diff(person: &Person<'_>, left: RunRef, right: RunRef) -> Result<Value> {
    let path = format!("/v1/runs/{}/diff?with={}", left.run_id, right.run_id);
    Ok(person.get(&path).await?.expect(200))
}

/// Its documents by name.
async fn documents(person: &Person<'_>, run: RunRef) -> Result<Vec<String>> {
    let path = format!("/v1/runs/{}/documents", run.run_id);
    let all = person.get(&path).await?.expect(200);
    let all = all["items"].as_array().unwrap().iter();
    let mut names: Vec<_> = all.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    Ok(names)
}

#[tokio::test]
async fn a_fork_in_the_middle_of_a_room_goes_on_and_pays_for_no_turn_twice() -> Result<()> {
    let house = House::with_model(Script::echo())?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let before = house.model.count();
    assert_eq!(before, 8, "three steps, four turns of the room, and the last step");

    let again = fork(&org, &ada, run, json!({ "step": "talk", "turn": 2 })).await?;
    let waiting = seen(&ada, again).await?;
    let states = |run: &Value| -> Vec<(String, i64)> {
        let steps = run["steps"].as_array().unwrap().iter();
        steps
            .map(|s| (s["state"].as_str().unwrap().to_owned(), s["turns"].as_i64().unwrap()))
            .collect()
    };
    let kept = ("succeeded".to_owned(), 1);
    assert_eq!(
        states(&waiting),
        [kept.clone(), kept.clone(), kept, ("pending".into(), 2), ("pending".into(), 0)]
    );
    assert_eq!(documents(&ada, again).await?, ["first.md", "left.md", "right.md"]);
    assert_eq!(drive::to_the_end(house.app, again).await?, "succeeded");
    assert_eq!(house.model.count() - before, 3, "two turns of the room, and the last step");
    let names = ["first.md", "last.md", "left.md", "right.md", "talk.md"];
    assert_eq!(documents(&ada, again).await?, names);

    // The bill of the fork is what it asked for itself.
    let (old, new) = (seen(&ada, run).await?, seen(&ada, again).await?);
    for step in 0..3 {
        assert_eq!(new["steps"][step]["output_tokens"], 0);
    }
    assert!(new["spend"]["output_tokens"].as_i64() < old["spend"]["output_tokens"].as_i64());
    assert!(new["spend"]["output_tokens"].as_i64() > Some(0));

    // What was kept is the same chain; the echo of another conversation is another.
    let found = diff(&ada, run, again).await?;
    assert_eq!((&found["same_workflow"], &found["same_brief"]), (&json!(true), &json!(true)));
    for step in &found["steps"].as_array().unwrap()[..3] {
        assert_eq!(step["first_difference"], Value::Null, "{step}");
        assert_eq!(step["left"]["chain"], step["right"]["chain"]);
        assert_eq!(step["left"]["chain"].as_str().unwrap().len(), 64);
    }
    let talk = &found["steps"][3];
    assert_eq!((&talk["same_turns"], &talk["first_difference"]["turn"]), (&json!(2), &json!(3)));
    assert_ne!(talk["left"]["chain"], talk["right"]["chain"]);

    // Who follows it is told all of it, in order and without gaps.
    let path = format!("/v1/runs/{}/events?limit=100", again.run_id);
    let events = ada.get(&path).await?.expect(200);
    let events = events["items"].as_array().unwrap();
    let numbers: Vec<_> = events.iter().map(|e| e["sequence"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=i64::try_from(events.len())?).collect::<Vec<_>>());
    let turns = events.iter().filter(|e| e["kind"] == "turn.taken");
    let (kept, taken): (Vec<_>, Vec<_>) = turns.partition(|e| e["data"]["kept"] == true);
    assert_eq!((kept.len(), taken.len()), (5, 3));
    let talk = &new["steps"][3]["conversation_id"];
    let of_talk = kept.iter().filter(|e| e["step_id"] == "talk");
    assert!(
        of_talk.clone().count() == 2
            && of_talk.clone().all(|e| e["data"]["conversation_id"] == *talk)
    );
    Ok(())
}

#[tokio::test]
async fn a_run_that_was_ended_goes_on_in_a_fork_and_the_difference_is_named() -> Result<()> {
    let script = Script::echo().when("Finish.", ["One end.", "Another end."].map(Reply::text));
    let house = House::with_model(script)?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([
        { "id": "begin", "agent": "ann", "instruction": "Begin.", "document": "begin.md" },
        { "id": "end", "agent": "ann", "needs": ["begin"], "instruction": "Finish." },
    ]);
    team::workflow(&ada, "two", steps).await?;
    let run = start(&org, &ada, "two").await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let again = fork(&org, &ada, run, json!({ "step": "end", "turn": 0 })).await?;
    assert_eq!(drive::to_the_end(house.app, again).await?, "succeeded");

    let found = diff(&ada, run, again).await?;
    let (begin, end) = (&found["steps"][0], &found["steps"][1]);
    assert_eq!((&begin["same_turns"], &begin["first_difference"]), (&json!(1), &Value::Null));
    assert_eq!(end["same_turns"], 0);
    assert_eq!(end["first_difference"]["turn"], 1);
    assert_eq!(end["first_difference"]["left"]["content"], "One end.");
    assert_eq!(end["first_difference"]["right"]["content"], "Another end.");

    // Of one that was ended before it was done, too.
    let half = start(&org, &ada, "two").await?;
    let plan = runs::plan::handle(house.app, half).await?;
    let runs::plan::Plan::Work { steps } = plan else { panic!("nothing to do") };
    drive::wave(house.app, half, steps).await?;
    ada.post(&format!("/v1/runs/{}/cancel", half.run_id), json!({})).await?.expect(202);
    let calls = house.model.count();
    let on = fork(&org, &ada, half, json!({ "step": "end", "turn": 0 })).await?;
    assert_eq!(drive::to_the_end(house.app, on).await?, "succeeded");
    assert_eq!(house.model.count() - calls, 1);
    Ok(())
}

#[tokio::test]
async fn a_fork_is_made_once_for_each_key_and_only_where_there_is_a_place() -> Result<()> {
    let house = House::with_model(Script::echo())?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let path = format!("/v1/runs/{}/fork", run.run_id);
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let ask = async |path: &str, turn: i32| {
        let body = json!({ "step": "talk", "turn": turn }).to_string();
        ada.send("POST", path, &headers, body).await
    };
    let first = ask(&path, 1).await?.expect(202);
    assert_eq!(ask(&path, 1).await?.expect(202)["id"], first["id"]);
    ask(&path, 2).await?.problem(422);

    for (body, told) in [
        (json!({ "step": "none", "turn": 0 }), "its steps are first, left, right, talk, last"),
        (json!({ "step": "talk", "turn": 5 }), "it has 4 turns"),
        (json!({ "step": "talk", "turn": -1 }), "it has 4 turns"),
        (json!({ "step": "last", "turn": 1 }), "nothing is left to do"),
        (json!({ "step": "talk", "turn": 0, "token_cap": 0 }), "token_cap"),
    ] {
        let reply = ada.post(&path, body).await?;
        let said = reply.expect(422).to_string();
        assert!(said.contains(told), "{said}");
    }
    let nobody = format!("/v1/runs/{}/fork", Uuid::now_v7());
    ada.post(&nobody, json!({ "step": "talk", "turn": 0 })).await?.problem(404);

    // Another tenant sees none of them.
    let theirs = house.organization();
    let eve = theirs.admin();
    eve.post(&path, json!({ "step": "talk", "turn": 0 })).await?.problem(404);
    let own = format!("/v1/runs/{}/diff?with={}", run.run_id, run.run_id);
    eve.get(&own).await?.problem(404);
    let listed = ada.get("/v1/runs").await?.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "nothing half made");
    Ok(())
}
