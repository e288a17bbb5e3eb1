//! Context in a turn: what its speaker may see is in the prompt, in layers, and the record says why.

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::scripted::{Reply, Script};
use tests::{House, Organization, Person, drive, tell};

use crate::team;

/// One step of one agent; its workflow and its agent.
async fn one_step(person: &Person<'_>, task: &str) -> Result<(Value, Value)> {
    let agent = team::agent(person, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "instruction": task }]);
    Ok((team::workflow(person, "one", steps).await?, agent))
}

async fn start(org: &Organization<'_>, person: &Person<'_>, workflow: &str) -> Result<RunRef> {
    let brief = json!({ "workflow": workflow, "brief": "A shop that repairs bicycles." });
    let run = person.post("/v1/runs", brief).await?.expect(202);
    Ok(RunRef { tenant_id: org.tenant(), run_id: run["id"].as_str().unwrap().parse()? })
}

async fn put(person: &Person<'_>, entry: Value) -> Result<Value> {
    Ok(person.put("/v1/context", entry).await?.expect(200))
}

fn entry(layer: &str, owner: Option<&Value>, name: &str, value: &str) -> Value {
    json!({ "layer": layer, "owner": owner, "name": name, "kind": "instruction", "value": value })
}

async fn explained(person: &Person<'_>, run: RunRef, which: &str) -> Result<Value> {
    let path = format!("/v1/runs/{}/context/explain?{which}", run.run_id);
    Ok(person.get(&path).await?.expect(200))
}

/// The segments of this source: layer, tokens that are in, reason.
fn told<'a>(explained: &'a Value, source: &str) -> Vec<(&'a str, bool, &'a str)> {
    let segments = explained["segments"].as_array().unwrap().iter();
    let of = segments.filter(|segment| segment["source"] == source);
    let parts = of.map(|segment| {
        let is_in = segment["included_tokens"].as_u64().unwrap() > 0;
        (segment["layer"].as_str().unwrap(), is_in, segment["why"]["reason"].as_str().unwrap())
    });
    parts.collect()
}

/// What the model was sent last, system and user.
fn prompt(house: &House) -> (String, String) {
    let calls = house.model.calls();
    let body: Value = serde_json::from_slice(&calls.last().unwrap().body).unwrap();
    let text = |at: usize| body["messages"][at]["content"].as_str().unwrap_or_default().to_owned();
    (text(0), text(1))
}

#[tokio::test]
async fn the_most_particular_layer_holds_and_the_record_says_what_it_overrode() -> Result<()> {
    let house = House::with_model(Script::echo().keeping_calls())?;
    let org = house.organization();
    let ada = org.admin();
    let (workflow, _) = one_step(&ada, "Begin. See @rates.").await?;
    let run = start(&org, &ada, "one").await?;
    let session = json!(run.run_id);
    put(&ada, entry("tenant", None, "tone", "as the tenant says")).await?;
    put(&ada, entry("workflow", Some(&workflow["id"]), "tone", "as the workflow says")).await?;
    put(&ada, entry("user", None, "tone", "as the user says")).await?;
    put(&ada, entry("session", Some(&session), "tone", "as the session says")).await?;
    for (name, load) in [("rates", "reference"), ("terms", "reference"), ("tyres", "query")] {
        let mut entry = entry("tenant", None, name, &format!("{name} for repairing a bicycle"));
        entry["load"] = json!({ "when": load });
        put(&ada, entry).await?;
    }
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");

    let (system, user) = prompt(&house);
    assert!(system.contains("tone: as the session says"), "{system}");
    assert!(!format!("{system}{user}").contains("as the user says"), "{system}");
    assert!(system.contains("rates for") && system.contains("tyres for"), "{system}");
    let explained = explained(&ada, run, "step=only").await?;
    let mut tones = told(&explained, "tone");
    tones.sort_unstable();
    assert_eq!(
        tones,
        [
            ("session", true, "always"),
            ("tenant", false, "overridden"),
            ("user", false, "overridden"),
            ("workflow", false, "overridden"),
        ]
    );
    assert_eq!(told(&explained, "rates"), [("tenant", true, "referred")]);
    assert_eq!(told(&explained, "terms"), [("tenant", false, "not_referred")]);
    assert_eq!(told(&explained, "tyres"), [("tenant", true, "found")]);
    assert_eq!(told(&explained, "marks"), [("global", true, "always")]);
    let sum: u64 = explained["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["included_tokens"].as_u64().unwrap())
        .sum();
    assert_eq!(explained["tokens"], sum);

    // Of somebody else's own layer, only that it is there.
    let ben = org.member("ben", &["runs:read"]);
    let path = format!("/v1/runs/{}/context/explain?step=only&turn=1", run.run_id);
    let seen = ben.get(&path).await?.expect(200);
    assert!(told(&seen, "tone").iter().all(|(layer, ..)| *layer != "user"), "{seen}");
    let nothing = format!("/v1/runs/{}/context/explain?step=only&turn=2", run.run_id);
    assert_eq!(ada.get(&nothing).await?.problem(404), "not-found");
    Ok(())
}

#[tokio::test]
async fn a_grant_is_seen_as_material_by_the_next_turn_and_a_revoked_one_by_none() -> Result<()> {
    let house = House::with_model(Script::echo().keeping_calls())?;
    let org = house.organization();
    let ada = org.admin();
    let (_, agent) = one_step(&ada, "Begin.").await?;
    let other = start(&org, &ada, "one").await?;
    let secret = entry("session", Some(&json!(other.run_id)), "found", "the key is under the mat");
    put(&ada, secret).await?;
    let told = async || -> Result<(bool, bool)> {
        let run = start(&org, &ada, "one").await?;
        drive::to_the_end(house.app, run).await?;
        let (system, user) = prompt(&house);
        Ok((system.contains("under the mat"), user.contains("under the mat")))
    };
    assert_eq!(told().await?, (false, false));
    let grant = json!({ "layer": "session", "owner": other.run_id, "name": "found",
                        "reader": "agent", "reader_id": agent["id"] });
    let grant = ada.put("/v1/context/grants", grant).await?.expect(200);
    assert_eq!(told().await?, (false, true), "as material, and not as an instruction");
    // Read before, so in the cache; gone all the same.
    let path = format!("/v1/context/grants/{}", grant["id"].as_str().unwrap());
    ada.call("DELETE", &path, &Value::Null).await?.expect(200);
    assert_eq!(told().await?, (false, false));
    Ok(())
}

#[tokio::test]
async fn what_another_tenant_was_told_is_in_nobody_elses_prompt() -> Result<()> {
    let house = House::with_model(Script::echo().keeping_calls())?;
    for canary in ["canary-one", "canary-two"] {
        let org = house.organization();
        let ada = org.admin();
        one_step(&ada, "Begin.").await?;
        put(&ada, entry("tenant", None, "canary", canary)).await?;
        drive::to_the_end(house.app, start(&org, &ada, "one").await?).await?;
        let (system, user) = prompt(&house);
        let all = format!("{system}{user}");
        assert!(all.contains(canary) && all.matches("canary-").count() == 1, "{all}");
    }
    Ok(())
}

#[tokio::test]
async fn entries_are_read_once_and_a_changed_one_anew() -> Result<()> {
    let house = House::with_model(Script::echo().keeping_calls())?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben"] {
        team::agent(&ada, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben"], "turns": 12 });
    team::workflow(&ada, "talk", json!([{ "id": "t", "kind": "room", "room": room }])).await?;
    for n in 0..20 {
        put(&ada, entry("tenant", None, &format!("e{n}"), "plain words")).await?;
    }
    let (hits, misses) = context::read::looks(org.tenant());
    assert_eq!((hits, misses), (0, 0));
    drive::to_the_end(house.app, start(&org, &ada, "talk").await?).await?;
    let (hits, misses) = context::read::looks(org.tenant());
    tell(&format!("context: 13 turns, 20 entries: {hits} from the cache, {misses} read"));
    assert_eq!((hits, misses), (12 * 20, 20));
    put(&ada, entry("tenant", None, "e0", "other words")).await?;
    drive::to_the_end(house.app, start(&org, &ada, "talk").await?).await?;
    assert!(prompt(&house).0.contains("other words"));
    assert_eq!(context::read::looks(org.tenant()).1, 21);
    Ok(())
}

/// Each turn says far more than its share of the window: the room goes on, and what was decided
/// at its beginning is in the prompt of its end.
#[tokio::test]
async fn a_room_that_says_more_than_any_window_goes_on_and_forgets_no_decision() -> Result<()> {
    let long = |n: usize| {
        let talk = format!("Point {n}: the bicycles need new tyres before spring. ").repeat(120);
        Reply::text(&format!("{talk}\n\nDecision: shed {n} opens at {n} o'clock.\n\n{talk}"))
    };
    let house = House::with_model(Script::replies((1..=25).map(long)))?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben"] {
        team::agent(&ada, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben"], "turns": 24 });
    team::workflow(&ada, "talk", json!([{ "id": "t", "kind": "room", "room": room }])).await?;
    let run = start(&org, &ada, "talk").await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    let (_, user) = prompt(&house);
    let recalled =
        (1..=24).filter(|n| user.contains(&format!("shed {n} opens at {n} o'clock"))).count();
    tell(&format!(
        "context: a room of 24 turns of 3,000 tokens in a window of 4,000: {recalled} of 24 decisions"
    ));
    assert_eq!(recalled, 24, "{user}");
    let explained = explained(&ada, run, "step=t&turn=25").await?;
    let segments = explained["segments"].as_array().unwrap();
    let digest = segments.iter().find(|s| s["source"].as_str().unwrap().starts_with("turns 1 to"));
    assert_eq!(digest.unwrap()["why"]["reason"], "compacted", "{explained}");
    assert!(explained["tokens"].as_u64().unwrap() < 4_000);
    Ok(())
}
