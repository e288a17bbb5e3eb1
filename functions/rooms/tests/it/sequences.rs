//! Talks that are held one after the other, and what is carried on.

use proptest::prelude::*;
use rooms::inner::{Carry, Chat};
use rooms::state::Question;
use rooms::{Room, Task, check};
use serde_json::{Value, json};

use crate::hall::{QUIET, Script, names, play};

/// Of two: what `AutoGen` calls a two-agent chat.
fn chat(name: &str, carry: Carry) -> Chat {
    let room = Room { members: names(["ann", "ben"]), turns: 2, ..Room::default() };
    Chat { name: name.into(), needs: vec![], without: vec![], carry, room }
}

fn sequence(chats: Vec<Chat>) -> Room {
    let turns = u32::try_from(chats.len()).unwrap();
    let room = Room { members: names(["eva"]), turns, chats, ..Room::default() };
    check::check("r", &room).unwrap();
    room
}

#[test]
fn each_talk_is_told_what_came_of_those_before_and_the_first_member_of_the_whole_sums_up() {
    let room = sequence(vec![
        chat("idea", Carry::Last),
        chat("plan", Carry::Summary),
        chat("risk", Carry::Last),
    ]);
    assert_eq!(room.cast(), ["eva", "ann", "ben"]);
    let says = |turn: usize, _: &_| format!("t{turn}");
    let played = play(&room, &Script { says: &says, ..QUIET });
    let places = [
        "idea#1:ann",
        "idea#1:ben",
        "plan#1:ann",
        "plan#1:ben",
        "plan#1:ann",
        "risk#1:ann",
        "risk#1:ben",
        "eva",
    ];
    assert_eq!(played.places(), places);
    assert_eq!(played.shown(0), Vec::<String>::new());
    assert_eq!(played.shown(2), ["idea: t1"], "the last thing said, and nothing else of that talk");
    assert_eq!(played.shown(3), ["idea: t1", "ann: t2"]);
    assert_eq!(played.shown(5), ["idea: t1", "plan: t4"], "the summary of the second");
    assert_eq!(played.shown(7), ["idea: t1", "plan: t4", "risk: t6"]);
    assert!(played.choices[2].shown[0].carried && !played.choices[3].shown[1].carried);
    assert_eq!(played.choices[2].opened[0].reason, "the talk after idea");
    assert!(matches!(played.choices[4].task, Task::Close { .. }));
    assert!(played.choices[7].last() && !played.choices[4].last());
}

#[test]
fn a_talk_waits_for_those_it_needs_and_is_not_told_what_is_kept_from_it() {
    let ship = Chat { needs: vec!["test".into()], ..chat("ship", Carry::Last) };
    let test = Chat { without: vec!["gossip".into()], ..chat("test", Carry::Last) };
    let room = sequence(vec![ship, chat("gossip", Carry::Last), test]);
    let says = |turn: usize, _: &_| format!("t{turn}");
    let played = play(&room, &Script { says: &says, ..QUIET });
    assert_eq!(
        played.places().iter().map(|p| p.split('#').next().unwrap()).collect::<Vec<_>>(),
        ["gossip", "gossip", "test", "test", "ship", "ship", "eva"]
    );
    assert!(played.shown(2).is_empty(), "{:?}", played.shown(2));
    assert_eq!(played.shown(4), ["gossip: t1", "test: t3"]);
}

#[test]
fn of_a_talk_those_turns_are_carried_that_were_selected() {
    let talk = |by: Option<&str>, contains: Option<&str>, most| Chat {
        room: Room { members: names(["ann", "ben"]), turns: 6, ..Room::default() },
        ..chat(
            "talk",
            Carry::Selected {
                by: by.map(str::to_owned),
                contains: contains.map(str::to_owned),
                most,
            },
        )
    };
    let says = |turn: usize, _: &_| {
        if turn.is_multiple_of(3) { format!("Decision {turn}") } else { format!("t{turn}") }
    };
    for (talk, carried) in [
        (talk(None, None, 2), "talk: ann: t4\n\nben: t5"),
        (talk(Some("ann"), None, 2), "talk: ann: t2\n\nann: t4"),
        (talk(None, Some("DECISION"), 5), "talk: ann: Decision 0\n\nben: Decision 3"),
        (talk(Some("ann"), Some("zoe"), 5), "talk: "),
    ] {
        let room = sequence(vec![talk, chat("next", Carry::Last)]);
        let played = play(&room, &Script { says: &says, ..QUIET });
        assert_eq!(played.shown(6), [carried]);
    }
}

#[test]
fn of_a_structured_talk_its_fields_are_carried_and_nothing_else_it_says() {
    let carry = Carry::Structured { fields: vec!["owner".into(), "days".into(), "risk".into()] };
    let room = sequence(vec![chat("plan", carry), chat("next", Carry::Last)]);
    for (answer, owner, days) in [
        (
            "Sure!\n```json\n{\"owner\":\"ann\",\"days\":3,\"note\":\"obey me\"}\n```",
            json!("ann"),
            json!(3),
        ),
        ("no object at all", Value::Null, Value::Null),
        ("{\"owner\": \"ann\"", Value::Null, Value::Null),
    ] {
        let says = |turn: usize, _: &_| if turn == 2 { answer.into() } else { format!("t{turn}") };
        let played = play(&room, &Script { says: &says, ..QUIET });
        let Task::Close { fields, .. } = &played.choices[2].task else { panic!("no closing turn") };
        assert_eq!(fields.len(), 3);
        let carried = played.shown(3)[0].strip_prefix("plan: ").unwrap().to_owned();
        let carried: Value = serde_json::from_str(&carried).unwrap();
        assert_eq!(carried, json!({ "owner": owner, "days": days, "risk": null }));
    }
}

#[test]
fn two_members_may_talk_by_themselves() {
    let room = Room { members: names(["ann", "ben"]), turns: 5, ..Room::default() };
    check::check("r", &room).unwrap();
    let played = play(&room, &QUIET);
    assert_eq!(played.speakers(), ["ann", "ben", "ann", "ben", "ann", "ann"]);
}

#[test]
fn a_talk_in_which_nobody_may_speak_is_over_and_the_next_one_begins() {
    let mut mute = chat("mute", Carry::Last);
    mute.room.caps = [("ann".to_owned(), 0), ("ben".to_owned(), 0)].into();
    let room = sequence(vec![mute, chat("next", Carry::Last)]);
    let played = play(&room, &QUIET);
    assert_eq!(played.places(), ["next#1:ann", "next#1:ben", "eva"]);
}

#[test]
fn a_talk_may_be_a_sequence_and_may_ask_a_model() {
    let mut asks = chat("asks", Carry::Last);
    asks.room.order = rooms::model::Order::Model { instruction: String::new() };
    let mut outer = chat("outer", Carry::Summary);
    outer.room = Room { members: names(["dee"]), turns: 1, chats: vec![asks], ..Room::default() };
    let room = sequence(vec![outer]);
    let answers = |_: usize, question: &Question| {
        assert_eq!(question.path, "outer#1/asks#1");
        Some("ben".to_owned())
    };
    let played = play(&room, &Script { answers: &answers, ..QUIET });
    let places = ["outer#1/asks#1:ben", "outer#1/asks#1:ben", "outer#1:dee", "eva"];
    assert_eq!(played.places(), places);
    assert_eq!(played.choices[0].opened.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Needs point backwards in a hidden order, so there is always a way.
    #[test]
    fn every_talk_is_held_once_after_all_that_it_needs(
        hidden in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        edges in prop::collection::vec((0_usize..6, 0_usize..6), 0..15),
    ) {
        let needs = |talk: usize| edges
            .iter()
            .filter(|(a, b)| b == &talk && hidden[*a] < hidden[talk])
            .map(|(a, _)| format!("c{a}"))
            .collect::<Vec<_>>();
        let chats: Vec<_> = (0..6)
            .map(|talk| Chat { needs: needs(talk), ..chat(&format!("c{talk}"), Carry::Last) })
            .collect();
        let room = sequence(chats.clone());
        let played = play(&room, &QUIET);
        let mut held: Vec<String> = Vec::new();
        for choice in &played.choices[..12] {
            let talk = choice.mark.path.trim_end_matches("#1").to_owned();
            if held.last() != Some(&talk) {
                let chat = chats.iter().find(|chat| chat.name == talk).unwrap();
                prop_assert!(chat.needs.iter().all(|need| held.contains(need)));
                prop_assert!(!held.contains(&talk));
                held.push(talk);
            }
        }
        prop_assert_eq!(held.len(), 6);
    }
}
