//! A member who plans, follows how it goes and gives the others their work.

use proptest::prelude::*;
use rooms::model::Order;
use rooms::state::{About, Question};
use rooms::{Room, Task, check};
use serde_json::json;

use crate::hall::{QUIET, Script, play, room};

fn supervised(turns: u32) -> Room {
    let order = Order::Supervisor {
        member: "dee".into(),
        instruction: "Mind the audit.".into(),
        stalls: Some(2),
        replans: Some(1),
    };
    let room = Room { order, ..room(turns) };
    check::check("r", &room).unwrap();
    room
}

#[test]
fn the_ledger_grows_work_is_given_with_words_and_the_supervisor_sums_up_when_it_is_done() {
    let answers = |turn: usize, question: &Question| {
        let About::Ledger { supervisor, ledger, .. } = &question.about else { panic!("who?") };
        assert_eq!((supervisor.as_str(), ledger.plan.len()), ("dee", usize::from(turn > 0)));
        assert_eq!(question.candidates, ["ann", "ben", "cas"], "who supervises does not work");
        Some(match turn {
            0 => json!({ "facts": ["tax is 21 %"], "plan": ["ask cas"], "next": "cas",
                         "instruction": "Find the rate.", "advancing": true }),
            1 => json!({ "facts": ["tax is 21 %", "rate is 4"], "next": "ben", "advancing": true }),
            _ => json!({ "done": true, "advancing": true }),
        }
        .to_string())
    };
    let played = play(&supervised(9), &Script { answers: &answers, ..QUIET });
    assert_eq!(played.speakers(), ["cas", "ben", "dee"]);
    assert_eq!(played.choices[0].task, Task::Speak(Some("Find the rate.".into())));
    assert_eq!(played.reason(0), "dee gave them the work");
    let ledger = played.choices[1].ledger.as_ref().unwrap();
    assert_eq!((ledger.facts.len(), ledger.plan.as_slice()), (2, &["ask cas".to_owned()][..]));
    assert!(played.reason(2).contains("dee holds that it is done"), "{}", played.reason(2));
}

#[test]
fn without_progress_a_new_plan_is_asked_for_and_in_the_end_the_room_closes() {
    let answers = |_: usize, _: &Question| {
        Some(json!({ "next": "ann", "advancing": true, "looping": true }).to_string())
    };
    let played = play(&supervised(30), &Script { answers: &answers, ..QUIET });
    let plans: Vec<bool> = played
        .asked
        .iter()
        .map(|question| matches!(question.about, About::Ledger { replan: true, .. }))
        .collect();
    assert_eq!(plans, [false, false, true, false, false, true]);
    assert_eq!(played.speakers(), ["ann", "ann", "ann", "ann", "ann", "dee"]);
    assert!(played.reason(5).contains("no progress after 1 new plans"), "{}", played.reason(5));
}

#[test]
fn an_answer_that_cannot_be_read_holds_nothing_up_and_loses_no_fact() {
    let answers = |turn: usize, _: &Question| match turn {
        0 => Some(json!({ "facts": ["f"], "next": "cas", "advancing": true }).to_string()),
        1 => None,
        2 => Some("I would rather not.".to_owned()),
        _ => Some(json!({ "next": "zoe or dee", "advancing": true }).to_string()),
    };
    let played = play(&supervised(4), &Script { answers: &answers, ..QUIET });
    assert_eq!(played.speakers(), ["cas", "ann", "ben", "cas", "dee"]);
    assert_eq!(played.fallback(1), "the supervisor's ledger cannot be read");
    assert!(played.fallback(3).contains("may not speak now"), "{}", played.fallback(3));
    assert_eq!(played.choices[2].ledger.as_ref().unwrap().facts, ["f"]);
}

proptest! {
    #[test]
    fn whatever_the_supervisor_answers_the_room_ends_and_the_ledger_stays_small(
        answers in prop::collection::vec(prop::option::of("[{}\":a-z, \\[\\]0-9]{0,60}"), 60),
        done in prop::option::of(0_usize..40),
    ) {
        let answer = |turn: usize, _: &Question| match done {
            Some(at) if at == turn => Some(json!({ "done": true, "facts": vec!["x".repeat(9_000); 99] }).to_string()),
            _ => answers[turn].clone(),
        };
        let played = play(&supervised(50), &Script { answers: &answer, ..QUIET });
        prop_assert!(played.choices.len() <= 51);
        for choice in &played.choices {
            let Some(ledger) = &choice.ledger else { continue };
            prop_assert!(ledger.facts.len() <= 20 && ledger.facts.iter().all(|f| f.len() <= 300));
        }
    }
}
