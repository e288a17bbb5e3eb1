//! Scripted rooms: one that yields, one that goes in circles, one that argues.

use jiff::Timestamp;
use proptest::prelude::*;
use rooms::analysis::{Verdict, analyse};
use rooms::{Mark, Room, Said, Task};

use crate::hall::{Played, QUIET, Script, names, play, recorded};

fn three(turns: u32) -> Room {
    let members = names(["ann", "ben", "cas"]);
    Room {
        members,
        turns,
        first_takes: true,
        stop_loops: true,
        minority_report: true,
        ..Room::default()
    }
}

fn said(room: &Room, lines: &'static [&'static str]) -> Played {
    play(
        room,
        &Script { says: &|turn, _| lines.get(turn).copied().unwrap_or("Done.").into(), ..QUIET },
    )
}

/// First takes differ; then everybody praises the first speaker's, and nothing is added.
const SYCOPHANTIC: &[&str] = &[
    "We should launch the payment service in March, because the sales team promised it.\nPOSITION: launch payments in March",
    "The ledger has no audit trail, so a launch breaks the rules of the regulator.\nPOSITION: postpone until an audit trail exists",
    "Our two engineers cannot run a service at night without a rota.\nPOSITION: hire operators first",
    "Great, so launch the payment service in March as the sales team promised.\nPOSITION: launch payments in March",
    "I agree with ann, launch the payment service in March!\nPOSITION: launch payments in March",
    "Ann is right. The sales team promised, launch payments in March.\nPOSITION: launch payments in March",
    "So we launch.",
];

/// Positions move because of what is brought up, and one stays.
const DEBATE: &[&str] = &[
    "Launch payments in March: the contract with the bakery chain has a penalty of 40,000.\nPOSITION: launch payments in March",
    "Without an audit trail the regulator may withdraw our licence.\nPOSITION: postpone until an audit trail exists",
    "Two engineers cannot cover nights.\nPOSITION: hire operators first",
    "An append-only table gives a trail within eight days; I measured the insert at two milliseconds.\nPOSITION: launch payments in March with an audit table",
    "Then the regulator needs a retention schedule and an export, which legal drafts until February.\nPOSITION: launch payments in March with an audit table and export",
    "Nights stay uncovered: the pager of last winter burned out Joris, and insurance excludes unattended payouts.\nPOSITION: hire operators first",
    "Summary.",
];

/// The same three remarks, lightly reworded, from the fourth turn on.
const LOOP: &[&str] = &[
    "We need the numbers of last quarter before we choose a supplier.",
    "The supplier decides how the numbers are counted.",
    "Somebody must write the contract for the supplier.",
    "As I said: before we choose a supplier we need the numbers of last quarter!",
    "How the numbers are counted, the supplier decides.",
    "And somebody must write the supplier's contract for it.",
    "We need the numbers of last quarter before we choose a supplier.",
];

#[test]
fn a_room_that_yields_is_flagged_and_what_was_given_up_is_in_the_minority_report() {
    let room = Room { stop_loops: false, ..three(6) };
    let played = said(&room, SYCOPHANTIC);
    assert!((0..3).all(|turn| played.shown(turn).is_empty()), "first takes see nobody");
    assert_eq!(played.shown(3).len(), 3);
    let found = analyse(&played.said, true);
    println!("yields:  {:?} {:?}", found.verdict, found.agreement);
    assert_eq!(found.verdict, Verdict::FakeConsensus);
    let minority: Vec<_> =
        found.minority.iter().map(|one| (one.member.as_str(), one.turn, one.kept)).collect();
    assert_eq!(minority, [("ben", 2, false), ("cas", 3, false)]);
    assert_eq!(found.minority[0].position, "postpone until an audit trail exists");
    let Task::Close { dissent, .. } = &played.choices[6].task else { panic!("not closed") };
    assert_eq!(dissent[1], "cas: hire operators first");
    // Without takes of their own nobody can tell; it says that, and not that they agree.
    assert_eq!(analyse(&played.said[3..], false).verdict, Verdict::TooShort);
    let again = [&played.said[3..6], &played.said[3..6]].concat();
    assert_eq!(analyse(&again, false).verdict, Verdict::Loop);
}

#[test]
fn a_room_that_argues_is_left_alone_whether_it_comes_to_agree_or_not() {
    let played = said(&three(6), DEBATE);
    assert_eq!(played.choices.len(), 7, "{}", played.choices.last().unwrap().reason);
    let found = analyse(&played.said, true);
    println!("argues:  {:?} {:?}", found.verdict, found.agreement);
    assert_eq!(found.verdict, Verdict::Debate);
    assert!(found.loops.is_empty() && found.voices.iter().all(|voice| voice.repeats == 0));
    let kept: Vec<_> = found.minority.iter().filter(|one| one.kept).collect();
    assert_eq!((kept.len(), kept[0].member.as_str()), (1, "cas"));

    // The same room, and cas is convinced by what was said in between.
    let mut convinced = played.said;
    convinced[5].text = "The night bank of Utrecht takes over unattended payouts for a fee, so \
        insurance and pager are solved.\nPOSITION: launch payments in March with an audit table"
        .into();
    let found = analyse(&convinced, true);
    println!("settles: {:?} {:?}", found.verdict, found.agreement);
    assert_eq!(found.verdict, Verdict::Agreement);
}

#[test]
fn a_room_that_goes_in_circles_stops_two_turns_after_the_circle_began() {
    let room = Room { first_takes: false, ..three(50) };
    let played = said(&room, LOOP);
    // Turns 4 and 5 repeat; the sixth is the closing one.
    assert_eq!(played.choices.len(), 6);
    let reason = played.reason(5);
    assert!(reason.contains("since turn 4 it goes in circles"), "{reason}");
    let found = analyse(&played.said, false);
    println!("circles: {:?} {:?}", found.verdict, found.loops);
    assert_eq!(found.verdict, Verdict::Loop);
    let circle = &found.loops[0];
    assert_eq!((circle.from, circle.to, circle.repeats), (4, 5, 1));
    let repeats: Vec<_> = found.voices.iter().map(|voice| voice.repeats).collect();
    assert_eq!(repeats, [1, 1, 0]);
    assert_eq!(recorded(&room, &played.said).said.len(), 6);
}

#[test]
fn every_voice_is_counted_with_what_it_cost() {
    let say = |member: &str, text: &str, tokens, micros| Said {
        member: member.into(),
        text: text.into(),
        tools: vec![],
        tokens,
        micros,
        at: Timestamp::UNIX_EPOCH,
        mark: Mark {
            path: String::new(),
            closing: false,
            answers: vec![],
            decided_at: Timestamp::UNIX_EPOCH,
        },
    };
    let found = analyse(
        &[say("ann", "one two three", 5, 7), say("ben", "four", 1, 1), say("ann", "x y z w", 2, 2)],
        false,
    );
    let voice = |of: usize| {
        let voice = &found.voices[of];
        (
            voice.member.as_str(),
            voice.turns,
            voice.words,
            voice.share_percent,
            voice.tokens,
            voice.cost_micros,
        )
    };
    assert_eq!((voice(0), voice(1)), (("ann", 2, 7, 87, 7, 9), ("ben", 1, 1, 12, 1, 1)));
    assert_eq!(analyse(&[], true).verdict, Verdict::TooShort);
}

const WORDS: &[&str] = &[
    "invoice", "harbour", "ledger", "pigeon", "quartz", "sunday", "mustard", "velvet", "tractor",
    "opera", "glacier", "pepper", "lantern", "copper", "violin", "saddle", "cement", "orchid",
    "rudder", "walnut", "ribbon", "kettle", "marble", "falcon", "ginger", "hammer", "island",
    "jacket", "magnet", "needle", "oyster", "parrot", "radish", "salmon", "temple", "urchin",
];

fn remark() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(WORDS.to_vec(), 8..14).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is said before, in however long a circle, reordered and with a word more.
    #[test]
    fn every_circle_is_stopped_within_two_turns_and_talk_that_goes_on_never_is(
        fresh in 0_usize..12,
        circle in 1_usize..8,
        remarks in prop::collection::vec(remark(), 20),
        noise in prop::sample::select(vec!["", "well", "indeed so", "Again:"]),
    ) {
        // Remarks that are alike by chance would be a circle of their own.
        let alike = |a: &[&str], b: &[&str]| {
            let shared = a.iter().filter(|word| b.contains(word)).count();
            200 * shared / (a.len() + b.len()) >= 75
        };
        let distinct: Vec<_> = remarks.iter().enumerate()
            .filter(|(at, one)| !remarks[..*at].iter().any(|other| alike(one, other)))
            .map(|(_, one)| one.clone())
            .collect();
        prop_assume!(distinct.len() >= fresh + circle);
        let says = |turn: usize, _: &_| {
            if turn < fresh + circle {
                return distinct[turn].join(" ");
            }
            let mut words = distinct[fresh + (turn - fresh) % circle].clone();
            words.rotate_left(turn % 3);
            format!("{noise} {}", words.join(" "))
        };
        let room = Room { first_takes: false, ..three(50) };
        let played = play(&room, &Script { says: &says, ..QUIET });
        let began = fresh + circle;
        prop_assert_eq!(played.choices.len(), began + 2 + 1, "{}", played.choices.last().unwrap().reason);

        let fresh = |turn: usize, _: &_| distinct.get(turn).map_or("end".into(), |w| w.join(" "));
        let turns = u32::try_from(distinct.len()).unwrap();
        let room = Room { turns, ..room };
        prop_assert_eq!(play(&room, &Script { says: &fresh, ..QUIET }).choices.len(), distinct.len() + 1);
    }
}
