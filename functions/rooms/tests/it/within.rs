//! Rooms that answer for a member.

use proptest::prelude::*;
use rooms::inner::{Carry, Nested};
use rooms::model::{Condition, Order, Text};
use rooms::state::Question;
use rooms::{Room, check};

use crate::hall::{QUIET, Script, names, play, room};

fn nested(name: &str, member: &str, carry: Carry, inner: Room) -> Nested {
    let (name, member) = (name.to_owned(), member.to_owned());
    Nested { name, member, when: None, times: None, carry, room: inner }
}

fn experts(turns: u32) -> Room {
    Room { members: names(["eva", "fay"]), turns, ..Room::default() }
}

fn says(turn: usize, _: &rooms::Choice) -> String {
    format!("t{turn}")
}

#[test]
fn a_room_answers_for_its_member_with_a_history_of_its_own() {
    let inner = nested("experts", "ben", Carry::Summary, experts(2));
    let room = Room { nested: vec![inner], ..room(4) };
    check::check("r", &room).unwrap();
    assert_eq!(room.cast(), ["ann", "ben", "cas", "dee", "eva", "fay"]);
    let played = play(&room, &Script { says: &says, ..QUIET });
    let places = ["ann", "experts#1:eva", "experts#1:fay", "experts#1:eva", "cas", "dee", "ann"];
    assert_eq!(played.places(), places);
    assert_eq!(
        played.shown(2),
        ["ann: t0", "eva: t1"],
        "what was said last outside, and their own"
    );
    assert!(played.choices[2].shown[0].carried);
    let numbers = |turn: usize| -> Vec<usize> {
        played.choices[turn].shown.iter().map(|line| line.turn).collect()
    };
    assert_eq!((numbers(2), numbers(4)), (vec![1, 2], vec![1, 4]), "where on record it stands");
    assert_eq!(played.shown(4), ["ann: t0", "ben: t3"], "the summary is what ben said");
    let opened = &played.choices[1].opened[0];
    assert_eq!((opened.path.as_str(), opened.member.as_deref()), ("experts#1", Some("ben")));
    assert_eq!(opened.reason, "round robin: turn 2 of 4");
    assert!(played.choices[2].opened.is_empty() && room.at("experts#1").is_some());
}

#[test]
fn it_opens_when_its_trigger_holds_and_as_often_as_it_may() {
    let trigger = |when: &str, times| Nested {
        when: Some(when.into()),
        times,
        ..nested("experts", "ben", Carry::Last, experts(1))
    };
    for (trigger, opened) in [
        (trigger("last_text.contains('t4')", None), vec![5]),
        (trigger("true", None), vec![1, 5, 9]),
        (trigger("true", Some(2)), vec![1, 5]),
        (trigger("last == 'cas'", None), vec![]),
        (trigger("'search' in last_tools", None), vec![9]),
    ] {
        let room = Room { nested: vec![trigger], ..room(12) };
        check::check("r", &room).unwrap();
        let tools = |turn: usize, _: &_| if turn == 8 { names(["search"]) } else { vec![] };
        let played = play(&room, &Script { says: &says, tools: &tools, ..QUIET });
        let inside = |at: &usize| played.choices[*at].member == "eva";
        assert_eq!((0..12).filter(inside).collect::<Vec<_>>(), opened);
        assert!(!played.speakers()[..12].contains(&"ben") || opened.len() < 3);
    }
}

#[test]
fn rooms_in_rooms_ask_from_the_outside_in_and_whoever_is_chosen_inside_is_told_why() {
    let order = Order::Model { instruction: String::new() };
    let deep = nested("deep", "eva", Carry::Last, Room { order: order.clone(), ..experts(1) });
    let inner = Room { nested: vec![deep], order: order.clone(), ..experts(2) };
    let room = Room { nested: vec![nested("wide", "ben", Carry::Last, inner)], order, ..room(2) };
    check::check("r", &room).unwrap();
    let answers = |turn: usize, question: &Question| {
        let name = match question.path.as_str() {
            "" => ["ben", "cas"][usize::from(turn > 1)],
            "wide#1" => ["eva", "fay"][turn],
            _ => "fay",
        };
        Some(name.to_owned())
    };
    let played = play(&room, &Script { says: &says, answers: &answers, ..QUIET });
    assert_eq!(played.places(), ["wide#1/deep#1:fay", "wide#1:fay", "cas", "ann"]);
    let paths: Vec<_> = played.asked.iter().map(|question| question.path.as_str()).collect();
    assert_eq!(paths, ["", "wide#1", "wide#1/deep#1", "wide#1", ""]);
    assert_eq!(played.choices[0].mark.answers.len(), 3);
    assert_eq!(played.choices[0].opened.len(), 2);
    assert_eq!(played.shown(1), ["eva: t0"]);
}

#[test]
fn a_room_in_which_nobody_may_speak_leaves_the_word_to_its_member() {
    let mut mute = experts(2);
    mute.caps = [("eva".to_owned(), 0), ("fay".to_owned(), 0)].into();
    let room = Room { nested: vec![nested("mute", "ben", Carry::Last, mute)], ..room(3) };
    let played = play(&room, &QUIET);
    assert_eq!(played.places(), ["ann", "ben", "cas", "ann"]);
    assert_eq!(played.fallback(1), "in `mute` nobody may speak");
}

#[test]
fn what_ends_the_whole_ends_the_room_within_at_once() {
    let until = Some(Condition::Tokens(30));
    let inner = nested("experts", "ben", Carry::Summary, experts(20));
    let room = Room { nested: vec![inner], until, ..room(9) };
    let played = play(&room, &QUIET);
    assert_eq!(played.places(), ["ann", "experts#1:eva", "experts#1:fay", "ann"]);
    assert!(played.reason(3).contains("30 tokens were used"), "{}", played.reason(3));
}

#[test]
fn what_is_said_inside_does_not_end_the_room_outside() {
    let text = Text { contains: "t2".into(), by: None };
    let until = Some(Condition::Text(text));
    let inner = nested("experts", "ben", Carry::Summary, experts(2));
    let room = Room { nested: vec![inner], until, ..room(4) };
    let played = play(&room, &Script { says: &says, ..QUIET });
    assert_eq!(played.choices.len(), 7);
}

/// Rooms within rooms within rooms, each for somebody, with what ends each.
fn deep(depth: u32) -> BoxedStrategy<Room> {
    let plain = (1_u32..4, prop::option::of(1_u64..9)).prop_map(|(turns, most)| Room {
        until: most.map(|most| Condition::Tokens(most * 10)),
        ..room(turns)
    });
    if depth == 0 {
        return plain.boxed();
    }
    let carry = prop::sample::select(vec![
        Carry::Last,
        Carry::Summary,
        Carry::Selected { by: None, contains: None, most: 2 },
        Carry::Structured { fields: vec!["a".into()] },
    ]);
    let inner = (deep(depth - 1), carry, 0_usize..4, prop::option::of(1_u32..3));
    (plain, prop::collection::vec(inner, 0..3))
        .prop_map(|(room, inner)| {
            let nested = inner.into_iter().enumerate().map(|(n, (room, carry, member, times))| {
                let member = room.members[member].clone();
                Nested { times, ..nested(&format!("n{n}"), &member, carry, room) }
            });
            Room { nested: nested.collect(), ..room }
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_cost_is_charged_to_the_root_and_no_room_is_too_deep_too_long_or_sees_another(
        room in deep(3), most in prop::option::of(1_u64..30),
    ) {
        let until = most.map(|most| Condition::Tokens(most * 10));
        let room = Room { until, ..room };
        check::check("r", &room).unwrap();
        let played = play(&room, &Script { says: &says, ..QUIET });
        let turns = played.choices.len();
        prop_assert!(turns <= check::most_turns(&room) as usize + 1);
        if let Some(most) = most {
            // The root looks before every turn anywhere, so only its closing turn comes after.
            prop_assert!(turns as u64 <= most + 1, "{turns} turns of 10 tokens for {}", most * 10);
        }
        for choice in &played.choices {
            prop_assert!(choice.mark.path.split('/').filter(|p| !p.is_empty()).count() <= 3);
            let inside = room.at(&choice.mark.path).unwrap();
            prop_assert!(inside.members.contains(&choice.member));
            // Own turns are told apart by their numbers: of other rooms only what was carried in.
            for line in choice.shown.iter().filter(|line| !line.carried) {
                let number: Option<usize> = line.text.strip_prefix('t').and_then(|n| n.parse().ok());
                let Some(number) = number else { continue };
                let of = &played.choices[number];
                let carried_out = of.mark.path.len() > choice.mark.path.len();
                prop_assert!(of.mark.path == choice.mark.path || carried_out);
            }
        }
    }
}
