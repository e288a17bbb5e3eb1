//! How alike two texts are, by the words they share. Simple on purpose: the same two texts always give
//! the same number, and a person can work it out by hand.
//!
//! A text becomes a bag of words: lower case, without the most common words of English and Dutch, each
//! cut to six letters (a crude stem that serves both). Words behind a `not` and its kin are other words
//! than without it, so that "ship it" and "do not ship it" differ. Likeness is Dice's coefficient of two
//! bags, in percent: twice what they share, by all that they have.

use std::collections::BTreeMap;

const STEM: usize = 6;
const NOT: &[&str] =
    &["not", "no", "never", "cannot", "without", "niet", "geen", "nooit", "zonder"];
const COMMON: &[&str] = &[
    "a", "about", "also", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does",
    "for", "from", "had", "has", "have", "he", "her", "his", "i", "if", "in", "is", "it", "its",
    "me", "my", "of", "on", "or", "our", "she", "so", "that", "the", "their", "them", "then",
    "there", "they", "this", "to", "too", "us", "was", "we", "were", "what", "which", "will",
    "with", "would", "you", "your", "aan", "als", "bij", "dan", "dat", "de", "deze", "die", "dit",
    "een", "en", "er", "het", "hij", "ik", "je", "maar", "met", "mij", "naar", "om", "ook", "op",
    "te", "uit", "van", "voor", "was", "we", "wij", "ze", "zich", "zij", "zijn",
];

/// A text's words, each with how often it stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bag {
    words: BTreeMap<String, u32>,
    size: u32,
    /// For texts without any word of their own: how they are written.
    plain: String,
}

impl Bag {
    pub(crate) fn of(text: &str) -> Self {
        let lower = text.to_lowercase().replace('’', "'");
        let mut bag = Self::default();
        for clause in lower.split(['.', ',', '!', '?', ';', ':', '\n']) {
            for stem in stems(clause) {
                bag.add(stem);
            }
        }
        if bag.size == 0 {
            bag.plain = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        bag
    }

    /// In percent.
    pub(crate) fn like(&self, other: &Self) -> u32 {
        let all = self.size + other.size;
        if all == 0 {
            return if self.plain == other.plain { 100 } else { 0 };
        }
        let shared: u32 = self
            .words
            .iter()
            .map(|(word, count)| *count.min(other.words.get(word).unwrap_or(&0)))
            .sum();
        200 * shared / all
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    fn add(&mut self, word: String) {
        *self.words.entry(word).or_default() += 1;
        self.size += 1;
    }
}

/// A clause's words that count. Behind a `not` each is another word (Das and Chen, 2001); a `not` at
/// the end, where Dutch puts it, is about all before it.
fn stems(clause: &str) -> Vec<String> {
    let mut stems: Vec<String> = Vec::new();
    let mut negated_from = None;
    for word in clause.split(|c: char| !c.is_alphanumeric() && c != '\'') {
        let word = word.trim_matches('\'');
        if NOT.contains(&word) || word.ends_with("n't") {
            negated_from = Some(stems.len());
        } else if !word.is_empty() && !COMMON.contains(&word) {
            stems.push(word.chars().take(STEM).collect());
        }
    }
    if let Some(from) = negated_from {
        let from = if from == stems.len() { 0 } else { from };
        for stem in &mut stems[from..] {
            *stem = format!("not {stem}");
        }
    }
    stems
}

/// The mean likeness of every two of them, in percent; `None` when there are no two.
pub(crate) fn agreement(bags: &[Bag]) -> Option<u32> {
    let mut sum = 0_u64;
    let mut pairs = 0_u64;
    for (at, one) in bags.iter().enumerate() {
        for other in &bags[at + 1..] {
            sum += u64::from(one.like(other));
            pairs += 1;
        }
    }
    u32::try_from(sum.checked_div(pairs)?).ok()
}

const MARK: &str = "position:";

/// What a text comes down to: its last line that begins with `POSITION:`, or all of it.
pub(crate) fn position(text: &str) -> &str {
    text.lines().rev().find_map(marked).unwrap_or(text)
}

/// What a text brings forward: all of it but the position, which may stay the same while new things
/// are said for it. All of it, when there is nothing else.
pub(crate) fn argument(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| marked(line).is_none()).collect();
    let rest = lines.join("\n");
    if rest.trim().is_empty() { text.to_owned() } else { rest }
}

fn marked(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches(['*', '#', ' ']);
    let start = line.get(..MARK.len())?;
    let held = line[MARK.len()..].trim_matches(['*', ' ']);
    start.eq_ignore_ascii_case(MARK).then_some(held)
}

#[cfg(test)]
mod tests {
    use super::{Bag, agreement, argument, position};

    fn like(one: &str, other: &str) -> u32 {
        Bag::of(one).like(&Bag::of(other))
    }

    #[test]
    fn the_same_words_in_another_order_are_alike_and_a_not_makes_another_word() {
        assert_eq!(like("We ship on Friday.", "on friday, we SHIP"), 100);
        assert_eq!(like("ship it", "do not ship it"), 0);
        assert_eq!(like("We don't ship", "we won’t ship"), 100);
        assert_eq!(like("Wij leveren vrijdag", "vrijdag leveren we niet"), 0);
        assert_eq!(like("no, ship on Friday", "ship on Friday"), 100, "a comma ends it");
        assert_eq!(like("shipping", "shippers"), 0, "the stem is crude");
        assert_eq!(like("customers pay", "customer pays"), 50, "and short words have none");
        assert_eq!((like("", ""), like("!", "?"), like("it is", "it was")), (100, 0, 0));
    }

    #[test]
    fn agreement_is_the_mean_of_all_pairs() {
        let bags = ["red", "red", "blue"].map(Bag::of);
        assert_eq!((agreement(&bags), agreement(&bags[..1])), (Some(33), None));
    }

    #[test]
    fn a_position_is_the_marked_line_or_the_whole_text() {
        assert_eq!(position("Long talk.\n**Position:** wait a month\n"), "wait a month");
        assert_eq!(argument("Long talk.\n**Position:** wait a month\n"), "Long talk.");
        assert_eq!(argument("POSITION: wait"), "POSITION: wait");
        assert_eq!(position("No mark"), "No mark");
        assert_eq!(position("ég"), "ég");
    }
}
