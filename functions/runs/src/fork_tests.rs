//! What a fork keeps, for any graph of steps and any place in it.

use proptest::prelude::*;

use super::{Stood, kept};

fn step(id: &str, needs: &[&str], turns: i32, done: bool) -> Stood {
    let needs = needs.iter().map(|need| (*need).to_owned()).collect();
    Stood { id: id.into(), needs, turns, done }
}

fn told(steps: &[Stood], at: &str, turn: i32) -> Vec<(String, i32, bool)> {
    let kept = kept(steps, at, turn).unwrap();
    kept.into_iter().map(|step| (step.id, step.turns, step.done)).collect()
}

#[test]
fn what_hangs_on_the_turn_is_done_anew_and_nothing_else() {
    let steps = [
        step("last", &["talk"], 1, true),
        step("first", &[], 1, true),
        step("talk", &["left"], 4, true),
        step("left", &["first"], 1, true),
        step("aside", &["first"], 1, true),
        step("slow", &["first"], 2, false),
    ];
    let own = |all: &[(&str, i32, bool)]| -> Vec<_> {
        all.iter().map(|(id, turns, done)| ((*id).to_owned(), *turns, *done)).collect()
    };
    let same = [("first", 1, true), ("left", 1, true), ("aside", 1, true), ("slow", 0, false)];
    let mut halfway = told(&steps, "talk", 2);
    halfway.sort();
    let mut expected = own(&[&same[..], &[("talk", 2, false), ("last", 0, false)]].concat());
    expected.sort();
    assert_eq!(halfway, expected);
    let whole = told(&steps, "talk", 4);
    assert!(
        whole.contains(&("talk".into(), 4, true)) && whole.contains(&("last".into(), 0, false))
    );
    assert!(told(&steps, "slow", 2).contains(&("slow".into(), 2, false)));
}

#[test]
fn a_place_that_is_not_there_is_named_with_what_is() {
    let steps = [step("only", &[], 1, true)];
    let said = |at, turn| kept(&steps, at, turn).unwrap_err().to_string();
    assert!(said("other", 0).contains("its steps are only"), "{}", said("other", 0));
    for turn in [-1, 2, i32::MAX] {
        assert!(said("only", turn).contains("it has 1 turns"), "{}", said("only", turn));
    }
    assert!(said("only", 1).contains("nothing is left to do"), "{}", said("only", 1));
}

proptest! {
    /// Whatever the graph and the place: what is kept whole needs only what is kept whole.
    #[test]
    fn what_is_kept_has_what_it_needs(
        edges in prop::collection::vec((0_usize..12, 0_usize..12), 0..40),
        done in 0_usize..=12, at in 0_usize..12,
    ) {
        let mut steps: Vec<_> =
            (0..12).map(|n| step(&n.to_string(), &[], i32::from(n < done), n < done)).collect();
        for (a, b) in edges {
            if a < b { steps[b].needs.push(a.to_string()); }
        }
        let turns = steps[at].turns;
        if let Ok(kept) = kept(&steps, &at.to_string(), turns) {
            let whole: Vec<_> = kept.iter().filter(|k| k.done).map(|k| k.id.as_str()).collect();
            for step in steps.iter().filter(|step| whole.contains(&step.id.as_str())) {
                prop_assert!(step.needs.iter().all(|need| whole.contains(&need.as_str())));
            }
        }
    }
}
