//! When a room closes.

use rooms::model::{Condition, Text};
use rooms::{Room, check, replay};

use crate::hall::{QUIET, Script, play, recorded, room};

#[test]
fn a_room_closes_when_its_condition_holds_and_says_which() {
    let says = |turn: usize, _: &_| if turn == 2 { "We AGREE." } else { "no" }.to_owned();
    let text = |contains: &str, by: Option<&str>| {
        Condition::Text(Text { contains: contains.into(), by: by.map(str::to_owned) })
    };
    let rule = Condition::Rule("turn == 5 && tokens >= 50".into());
    let tools = |turn: usize, _: &_| if turn == 3 { vec!["send_mail".to_owned()] } else { vec![] };
    let tool = |name: &str| Condition::Function(name.to_owned());
    let cases = [
        (tool("send_mail"), 4),
        (tool("send"), 9),
        (Condition::All(vec![tool("send_mail"), text("agree", None), Condition::Turns(6)]), 6),
        (Condition::Any(vec![tool("send_mail"), Condition::Tokens(1_000)]), 4),
        (Condition::Rule("'send_mail' in last_tools".into()), 4),
        (text("agree", None), 3),
        (text("agree", Some("cas")), 3),
        (text("agree", Some("ann")), 9),
        (Condition::Turns(4), 4),
        (Condition::Tokens(50), 5),
        (Condition::CostMicros(18), 6),
        (Condition::Seconds(7), 7),
        (Condition::EachSpoke(2), 8),
        (rule, 5),
        (Condition::All(vec![text("agree", None), Condition::Turns(5)]), 5),
        (Condition::Any(vec![text("agree", None), Condition::Turns(5)]), 3),
        (Condition::All(vec![Condition::Turns(2), Condition::Seconds(1_000)]), 9),
    ];
    for (until, turns) in cases {
        let room = Room { until: Some(until.clone()), ..room(9) };
        check::check("r", &room).unwrap();
        let played = play(&room, &Script { says: &says, tools: &tools, ..QUIET });
        assert_eq!(replay(&recorded(&room, &played.said)).len(), turns + 1);
        assert_eq!(played.choices.len(), turns + 1, "{until:?}: {:?}", played.choices.last());
    }
}

#[test]
fn a_handoff_closes_a_room_to_somebody_or_to_anybody_and_a_tool_counts_as_one() {
    let to = |name: Option<&str>| Condition::Handoff { to: name.map(str::to_owned) };
    let says = |turn: usize, _: &_| match turn {
        1 => "Not mine.\n**HANDOFF: Dee**".to_owned(),
        4 => "A person must look.\nhandoff: user".to_owned(),
        _ => format!("handoff: is a word of turn {turn}\nand so it goes"),
    };
    let tools = |turn: usize, _: &_| match turn {
        6 => vec!["transfer_to_billing".to_owned()],
        _ => vec![],
    };
    let all = Condition::All(vec![to(Some("user")), to(Some("dee")), Condition::Turns(6)]);
    let cases = [
        (to(None), 2),
        (to(Some("dee")), 2),
        (to(Some("user")), 5),
        (to(Some("billing")), 7),
        (to(Some("zoe")), 9),
        (all, 6),
        (Condition::Any(vec![to(Some("zoe")), to(Some("user"))]), 5),
    ];
    for (until, turns) in cases {
        let room = Room { until: Some(until.clone()), ..room(9) };
        check::check("r", &room).unwrap();
        let played = play(&room, &Script { says: &says, tools: &tools, ..QUIET });
        assert_eq!(played.choices.len(), turns + 1, "{until:?}: {:?}", played.choices.last());
    }
}

#[test]
fn a_room_closes_when_everybodys_newest_position_is_alike_and_not_before_all_have_spoken() {
    let until = Some(Condition::Agreement(90));
    let room = Room { until, ..room(12) };
    check::check("r", &room).unwrap();
    let positions = ["ship in May", "ship in May", "do not ship in May", "wait for the audit"];
    let says = |turn: usize, _: &_| {
        let held = if turn < 6 { positions[turn % 4] } else { "In May we ship!" };
        format!("Talk {turn} that differs every time: {}.\nPOSITION: {held}", turn * 7919)
    };
    let played = play(&room, &Script { says: &says, ..QUIET });
    // At the sixth turn ann and ben hold what they held; cas and dee come round in 7 and 8.
    assert_eq!(played.choices.len(), 9);
    assert!(played.reason(8).contains("alike by 100 percent"), "{}", played.reason(8));
}
