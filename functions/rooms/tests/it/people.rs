//! A person names the next.

use rooms::model::Order;
use rooms::state::Wait;
use rooms::{Room, check};

use crate::hall::{QUIET, Script, at, play, room};

fn manual(patience_seconds: Option<u32>) -> Room {
    let room = Room { order: Order::Manual { patience_seconds }, ..room(3) };
    check::check("r", &room).unwrap();
    room
}

#[test]
fn the_room_waits_as_an_action_of_its_own_until_a_person_names_the_next() {
    let person = |turn: usize, wait: &Wait| {
        assert_eq!(wait.candidates, ["ann", "ben", "cas", "dee"]);
        Some(["cas", "CAS", "ann"][turn].to_owned())
    };
    let played = play(&manual(None), &Script { person: &person, ..QUIET });
    assert_eq!(played.speakers(), ["cas", "cas", "ann", "ann"]);
    assert_eq!((played.reason(0), played.fallback(0)), ("a person named them", "none"));
    assert_eq!(played.waited.len(), 3);
}

#[test]
fn whom_nobody_may_name_does_not_speak_and_whoever_is_silent_too_long_stops_nothing() {
    let person = |turn: usize, _: &Wait| (turn == 0).then(|| "zoe".to_owned());
    let played = play(&manual(Some(90)), &Script { person: &person, ..QUIET });
    assert_eq!(played.speakers(), ["ann", "ben", "cas", "ann"]);
    assert_eq!(played.fallback(0), "a person named zoe, who may not speak now");
    assert_eq!(played.fallback(1), "nobody named one within 90 seconds");
    assert_eq!(played.waited[1].until, at(90), "counted from the turn before");
    assert_eq!(played.choices[2].mark.decided_at, at(180));
}
