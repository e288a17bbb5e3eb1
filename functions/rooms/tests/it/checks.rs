//! What a room may not be.

use std::collections::BTreeMap;

use rooms::inner::{Carry, Chat, Handoff, Nested, Sight};
use rooms::model::{Condition, Order};
use rooms::{Room, check};

use crate::hall::{names, room};

#[test]
fn a_room_that_cannot_run_is_told_what_to_change() {
    let strange = |change: &dyn Fn(&mut Room)| {
        let mut room = room(3);
        change(&mut room);
        check::check("talk", &room).unwrap_err()
    };
    let zoe = || BTreeMap::from([("zoe".to_owned(), 1)]);
    assert!(strange(&|room| room.members.truncate(1)).contains("two members"));
    assert!(strange(&|room| room.members[1] = "ann".into()).contains("twice"));
    assert!(strange(&|room| room.turns = 51).contains("1 to 50 turns"));
    assert!(strange(&|room| room.caps = zoe()).contains("`zoe`"));
    assert!(
        strange(&|room| room.until = Some(Condition::Rule("turn +".into()))).contains("turn +")
    );
    assert!(
        strange(&|room| room.until = Some(Condition::Rule("nobody > 1".into()))).contains("nobody")
    );
    assert!(strange(&|room| room.until = Some(Condition::Rule("turn".into()))).contains("neither"));
    assert!(strange(&|room| room.until = Some(Condition::All(vec![]))).contains("without parts"));
    assert!(strange(&|room| room.order = Order::Rule { rules: vec![] }).contains("1 to 50 rules"));
    let mut deep = Condition::Turns(1);
    for _ in 0..9 {
        deep = Condition::Any(vec![deep]);
    }
    assert!(strange(&|room| room.until = Some(deep.clone())).contains("8 deep"));
    assert!(strange(&|room| room.until = Some(Condition::Agreement(0))).contains("1 to 100"));
    let function = || Condition::Function(" ".into());
    assert!(strange(&|room| room.until = Some(function())).contains("without a name"));
    assert!(
        strange(&|room| room.order = Order::Manual { patience_seconds: Some(0) }).contains("0 sec")
    );
    let supervisor = |member: &str, stalls| Order::Supervisor {
        member: member.into(),
        instruction: String::new(),
        stalls,
        replans: None,
    };
    assert!(strange(&|room| room.order = supervisor("zoe", None)).contains("`zoe`"));
    assert!(strange(&|room| room.order = supervisor("ann", Some(0))).contains("0 stalls"));
    let hand = |to: &[&str]| Handoff {
        from: "ann".into(),
        to: to.iter().map(|to| (*to).to_owned()).collect(),
        context: Sight::All,
        back: false,
    };
    assert!(strange(&|room| room.handoffs = vec![hand(&["ann"])]).contains("themselves"));
    assert!(strange(&|room| room.handoffs = vec![hand(&[])]).contains("nobody"));
    assert!(strange(&|room| room.handoffs = vec![hand(&["zoe"])]).contains("`zoe`"));
}

fn nested(name: &str, inner: Room) -> Nested {
    Nested {
        name: name.into(),
        member: "ann".into(),
        when: None,
        times: None,
        carry: Carry::Last,
        room: inner,
    }
}

fn chat(name: &str, needs: &[&str]) -> Chat {
    Chat {
        name: name.into(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        without: vec![],
        carry: Carry::Last,
        room: Room { members: names(["ann", "zoe"]), turns: 2, ..Room::default() },
    }
}

#[test]
fn how_long_people_may_be_waited_for_is_known_before_a_room_is_held() {
    let manual = Room { order: Order::Manual { patience_seconds: Some(60) }, ..room(5) };
    let asks = Order::Model { instruction: String::new() };
    let outer = |order: Order| Room { order, nested: vec![nested("a", manual.clone())], ..room(4) };
    assert_eq!((check::longest_wait(&manual), check::longest_wait(&room(5))), (300, 0));
    assert_eq!(check::longest_wait(&outer(Order::RoundRobin)), 1_200);
    assert!(check::asks_before_it_waits(&outer(asks)));
    assert!(!check::asks_before_it_waits(&outer(Order::RoundRobin)));
}

#[test]
fn rooms_within_that_cannot_run_are_told_what_to_change() {
    let refused = |change: &dyn Fn(&mut Room)| {
        let mut room = room(3);
        change(&mut room);
        check::check("talk", &room).unwrap_err()
    };
    let says = |why: String, what: &str| assert!(why.contains(what), "{why}");
    let carried = |carry: Carry| {
        refused(&|room| {
            room.nested = vec![Nested { carry: carry.clone(), ..nested("a", room.clone()) }];
        })
    };
    says(refused(&|r| r.nested = vec![nested("A b", r.clone())]), "use a-z");
    says(
        refused(&|r| r.nested = vec![nested("a", r.clone()), nested("a", r.clone())]),
        "two rooms",
    );
    says(refused(&|r| r.nested = vec![nested("a", room(0))]), "`talk/a` may have 1 to 50");
    let when = || Nested { when: Some("turn +".into()), ..nested("a", room(2)) };
    says(refused(&|r| r.nested = vec![when()]), "turn +");
    let whose = || Nested { member: "zoe".into(), ..nested("a", room(2)) };
    says(refused(&|r| r.nested = vec![whose()]), "`zoe`");
    says(carried(Carry::Structured { fields: vec![] }), "1 to 20");
    says(carried(Carry::Selected { by: Some("zoe".into()), contains: None, most: 2 }), "by` must");
    says(carried(Carry::Selected { by: None, contains: None, most: 0 }), "`most`");

    let within = |inner: Room| Room { nested: vec![nested("a", inner)], ..room(2) };
    assert!(check::check("r", &within(within(within(room(2))))).is_ok());
    says(check::check("r", &within(within(within(within(room(2)))))).unwrap_err(), "3 rooms deep");
    says(
        check::check("r", &Room { nested: vec![nested("a", room(50))], ..room(11) }).unwrap_err(),
        "551 turns",
    );

    let chats = |chats: Vec<Chat>| Room { chats, ..room(3) };
    assert!(check::check("r", &chats(vec![chat("b", &["a"]), chat("a", &[])])).is_ok());
    let refused = |chats: Room| check::check("r", &chats).unwrap_err();
    says(refused(chats(vec![chat("b", &["a"]), chat("a", &["b"])])), "wait for each other");
    says(refused(chats(vec![chat("b", &["zoe"])])), "`zoe`");
    says(refused(Room { turns: 1, ..chats(vec![chat("a", &[]), chat("b", &[])]) }), "is a turn");
    says(refused(Room { stop_loops: true, ..chats(vec![chat("a", &[])]) }), "into the chats");
}

#[test]
fn the_room_of_the_documentation_can_run() {
    let text = include_str!("../../../../docs/rooms.md");
    let example = text.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let step: serde_json::Value = serde_json::from_str(example).unwrap();
    let room: Room = serde_json::from_value(step["room"].clone()).unwrap();
    check::check("review", &room).unwrap();
}
