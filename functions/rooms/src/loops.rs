//! Talk that goes in circles. A turn repeats when what it brings forward is like one of those before
//! it by [`ALIKE`] percent or more; a loop is two turns in a row that repeat, whoever takes them. So a
//! room that stops at a loop stops two turns after the loop began, whatever its length.

use crate::likeness::{Bag, argument};

/// From so many percent on, two texts say the same. Reordered words, a changed greeting or another
/// number stay above it; a new argument does not.
const ALIKE: u32 = 80;
/// How far back a repeat is looked for: circles of up to so many turns are found.
const LOOK_BACK: usize = 60;

/// For each text, the newest one before it that it repeats.
pub(crate) fn repeats(bags: &[Bag]) -> Vec<Option<usize>> {
    (0..bags.len()).map(|at| repeated(bags, at)).collect()
}

/// Since when the newest turns are a loop, if they are.
pub(crate) fn since(texts: &[&str]) -> Option<usize> {
    let from = texts.len().saturating_sub(LOOK_BACK + 2);
    let bags: Vec<Bag> = texts[from..].iter().map(|text| Bag::of(&argument(text))).collect();
    let trailing = (0..bags.len()).rev().take_while(|at| repeated(&bags, *at).is_some()).count();
    (trailing >= 2).then(|| texts.len() - trailing)
}

fn repeated(bags: &[Bag], at: usize) -> Option<usize> {
    let first = at.saturating_sub(LOOK_BACK);
    (first..at).rev().find(|before| bags[*before].like(&bags[at]) >= ALIKE)
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn a_loop_is_seen_at_its_second_turn_and_one_repeat_is_none() {
        let says = ["Who pays for storage?", "The tenant pays monthly.", "Who pays for storage?"];
        assert_eq!(since(&says), None);
        let again = [says.as_slice(), &["Monthly, the tenant pays!"]].concat();
        assert_eq!(since(&again), Some(2));
        assert_eq!(since(&[again.as_slice(), &["A user pays by card."]].concat()), None);
    }
}
