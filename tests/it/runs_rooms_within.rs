//! Rooms within rooms, talks in sequence, handing over and supervisors, in a run.

use anyhow::Result;
use serde_json::{Value, json};
use tests::scripted::{Reply, Script};

use crate::runs_rooms::{speakers, talk};
use crate::world::text;

fn says(replies: &[&str]) -> Script {
    Script::replies(replies.iter().map(|text| Reply::text(text)).collect::<Vec<_>>())
}

/// The prompt of each call, as one text.
fn prompts(house: &tests::House) -> Vec<String> {
    let calls = house.model.calls();
    let text = |call: &tests::scripted::Call| {
        let body = call.json();
        let messages = body["messages"].as_array().unwrap().iter();
        messages.map(|message| text(&message["content"])).collect::<Vec<_>>().join("\n")
    };
    calls.iter().map(text).collect()
}

fn paths(turns: &[Value]) -> Vec<&str> {
    turns.iter().map(|turn| turn["selection"]["path"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn the_word_is_handed_over_with_what_may_be_seen_and_comes_back() -> Result<()> {
    let script = says(&[
        "The secret is PLUM.",
        "Ask cas.\n\nHANDOFF: cas",
        "Cas knows.",
        "Thank you.",
        "Summary.",
    ]);
    let handoffs = json!([{ "from": "ben", "to": ["cas"], "context": "request", "back": true }]);
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 4, "handoffs": handoffs });
    let (turns, _, house) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ann", "ben", "cas", "ben", "ann"]);
    assert_eq!(turns[2]["selection"]["sees"], "the turn that handed over");
    assert_eq!(turns[3]["reason"], "back to ben, who had handed over");
    let prompts = prompts(&house);
    assert!(prompts[1].contains("you may hand over to cas") && prompts[1].contains("PLUM"));
    assert!(prompts[2].contains("Ask cas.") && !prompts[2].contains("PLUM"), "{}", prompts[2]);
    assert!(prompts[3].contains("PLUM") && prompts[3].contains("Cas knows."));
    Ok(())
}

#[tokio::test]
async fn a_room_within_answers_for_its_member_and_the_run_pays_for_it() -> Result<()> {
    let script =
        says(&["Outside APPLE.", "Inside PEAR.", "Inside FIG.", "We hold QUINCE.", "So.", "End."]);
    let inner = json!({ "members": ["cas", "ann"], "turns": 2, "scene": "A back room." });
    let nested = json!([{ "name": "experts", "member": "ben", "carry": { "as": "summary" },
                          "when": "last_text.contains('APPLE')", "room": inner }]);
    let room = json!({ "members": ["ann", "ben"], "turns": 3, "nested": nested });
    let (turns, run, house) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ann", "cas", "ann", "cas", "ann", "ann"]);
    let within = "experts#1";
    assert_eq!(paths(&turns), ["", within, within, within, "", ""]);
    let opened = &turns[1]["selection"]["opened"][0];
    assert_eq!((&opened["member"], &opened["path"]), (&json!("ben"), &json!(within)));
    let prompts = prompts(&house);
    assert!(prompts[1].contains("A back room.") && prompts[1].contains("Outside APPLE."));
    let after = &prompts[4];
    assert!(after.contains("ben: We hold QUINCE.") && !after.contains("Inside PEAR."), "{after}");
    let sum: i64 = turns.iter().map(|turn| turn["input_tokens"].as_i64().unwrap()).sum();
    assert_eq!(run["spend"]["input_tokens"].as_i64().unwrap(), sum);
    Ok(())
}

#[tokio::test]
async fn talks_are_held_in_sequence_and_only_what_is_carried_reaches_the_next() -> Result<()> {
    let script = says(&[
        "Draft of KIWI.",
        "Better: LIME.",
        "{\"owner\": \"MELON\", \"note\": \"obey the OLIVE\"}",
        "I am told.",
        "So am I.",
        "End.",
    ]);
    let two = |carry: Value| {
        json!({ "name": "plan", "carry": carry,
                "room": { "members": ["ann", "ben"], "turns": 2 } })
    };
    let fields = json!({ "as": "structured", "fields": ["owner", "days"] });
    let mut next = two(json!({ "as": "last" }));
    next["name"] = "next".into();
    next["needs"] = json!(["plan"]);
    let room = json!({ "members": ["cas"], "turns": 2, "chats": [next, two(fields)] });
    let (turns, run, house) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ann", "ben", "ann", "ann", "ben", "cas"]);
    assert_eq!(paths(&turns), ["plan#1", "plan#1", "plan#1", "next#1", "next#1", ""]);
    let prompts = prompts(&house);
    assert!(prompts[2].contains("one JSON object") && prompts[2].contains("owner, days"));
    let told = ["plan: {", r#""owner":"MELON""#, r#""days":null"#];
    assert!(told.iter().all(|part| prompts[3].contains(part)), "{}", prompts[3]);
    assert!(!prompts[3].contains("OLIVE") && !prompts[3].contains("LIME"), "{}", prompts[3]);
    assert_eq!(run["state"], "succeeded");
    Ok(())
}

#[tokio::test]
async fn a_supervisor_keeps_a_ledger_gives_out_the_work_and_says_when_it_is_done() -> Result<()> {
    let first = json!({ "facts": ["the shop has TWO doors"], "plan": ["count bicycles"],
                        "next": "ben", "instruction": "Count the BICYCLES.", "advancing": true });
    let script = says(&[
        &first.to_string(),
        "There are nine.",
        "no ledger today",
        "I think so too.",
        "{\"done\": true, \"advancing\": true}",
        "Nine bicycles.",
    ]);
    let order = json!({ "by": "supervisor", "member": "ann" });
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 9, "order": order });
    let (turns, run, house) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ben", "cas", "ann"]);
    assert_eq!(turns[0]["selection"]["ledger"]["facts"], json!(["the shop has TWO doors"]));
    assert_eq!(turns[1]["selection"]["fallback"], "the supervisor's ledger cannot be read");
    assert_eq!(turns[1]["selection"]["ledger"]["plan"], json!(["count bicycles"]));
    assert!(text(&turns[2]["reason"]).contains("ann holds that it is done"));
    let prompts = prompts(&house);
    assert!(prompts[1].contains("Your part now: Count the BICYCLES."), "{}", prompts[1]);
    assert!(prompts[2].contains("the shop has TWO doors"), "{}", prompts[2]);
    // Three questions and three turns, and all of them paid.
    assert_eq!(house.model.count(), 6);
    let sum: i64 = turns.iter().map(|turn| turn["output_tokens"].as_i64().unwrap()).sum();
    assert_eq!(run["spend"]["output_tokens"].as_i64().unwrap(), sum);
    Ok(())
}

#[tokio::test]
async fn a_room_that_goes_in_circles_is_closed_and_first_takes_see_nobody() -> Result<()> {
    let script = says(&[
        "We need numbers of last quarter.\nPOSITION: wait for numbers",
        "Suppliers decide everything here.\nPOSITION: ask suppliers",
        "Of last quarter we need the numbers.\nPOSITION: wait for numbers",
        "Here suppliers decide everything!\nPOSITION: ask suppliers",
        "Summary.",
    ]);
    let room = json!({ "members": ["ann", "ben"], "turns": 30, "stop_loops": true,
                       "first_takes": true });
    let (turns, _, house) = talk(script, room).await?;
    assert_eq!(speakers(&turns), ["ann", "ben", "ann", "ben", "ann"]);
    assert!(text(&turns[4]["reason"]).contains("since turn 3 it goes in circles"));
    let prompts = prompts(&house);
    assert!(!prompts[1].contains("last quarter"), "{}", prompts[1]);
    assert!(prompts[2].contains("last quarter") && prompts[2].contains("`POSITION:`"));
    Ok(())
}
