//! The count against the real tokenizers: never below, and how much above.

#![expect(clippy::print_stdout, reason = "figures are for people to read")]

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Instant;

use bpe_openai::{cl100k_base, o200k_base, voyage3_base};
use context::tokens::{Bounded, KEPT, Tokenizer, layout, pieces};
use proptest::prelude::*;

const DUTCH: &str = include_str!("texts/nl.md");
const OTHERS: &str = include_str!("texts/others.md");
const ENGLISH: &str = include_str!("../../../ARCHITECTURE.md");
const CODE: &str = include_str!("../../../shared/src/db.rs");
const JSON: &str = include_str!("../../../openapi.json");

fn real(text: &str) -> u32 {
    u32::try_from(o200k_base().count(text)).unwrap_or(u32::MAX)
}

#[test]
fn the_vocabulary_is_the_beginning_of_o200k() {
    let bpe = &o200k_base().bpe;
    let written = layout((0..KEPT).map(|rank| bpe.token_bytes(rank.into())));
    assert!(written == include_bytes!("../src/tokens/o200k-16k.bin"), "see examples/vocabulary.rs");
    let longest = (0..KEPT).map(|rank| bpe.token_bytes(rank.into()).len()).max();
    assert!(longest.unwrap() <= 128, "longer tokens are not laid out");
}

/// The plainest way to do it, with a map.
fn by_the_book(text: &str) -> usize {
    static RANKS: LazyLock<HashMap<Vec<u8>, u32>> = LazyLock::new(|| {
        let bpe = &o200k_base().bpe;
        (0..u32::from(KEPT)).map(|rank| (bpe.token_bytes(rank).to_vec(), rank)).collect()
    });
    let of = |piece: &str| {
        let mut tokens: Vec<Vec<u8>> = piece.bytes().map(|byte| vec![byte]).collect();
        if RANKS.contains_key(piece.as_bytes()) {
            return 1;
        }
        let pair = |tokens: &[Vec<u8>], at: usize| {
            RANKS.get(&[&*tokens[at], &*tokens[at + 1]].concat()).copied()
        };
        while let Some((_, at)) = (1..tokens.len())
            .filter_map(|next| pair(&tokens, next - 1).map(|rank| (rank, next - 1)))
            .min()
        {
            let next = tokens.remove(at + 1);
            tokens[at].extend(next);
        }
        tokens.len()
    };
    o200k_base().split(text).map(of).sum()
}

#[test]
fn real_texts_are_never_counted_low_and_seldom_high() {
    let mut shown = String::new();
    let texts = [("English", ENGLISH), ("code", CODE), ("JSON", JSON), ("Dutch", DUTCH)];
    for (name, text) in texts.into_iter().chain([("others", OTHERS)]) {
        let counted = f64::from(Bounded.count(text));
        let all = [o200k_base(), cl100k_base(), voyage3_base()].map(|t| t.count(text));
        let [o200k, cl100k, voyage] = all.map(|n| counted / f64::from(u32::try_from(n).unwrap()));
        let bytes = f64::from(u32::try_from(text.len()).unwrap());
        let quarter = bytes / 4.0 / f64::from(real(text));
        writeln!(
            shown,
            "{name:8} o200k {o200k:.2} cl100k {cl100k:.2} voyage {voyage:.2}, bytes/4 {quarter:.2}"
        )
        .unwrap();
        assert!(o200k >= 1.0 && cl100k >= 1.0 && voyage >= 1.0, "{name} is counted low\n{shown}");
        assert!(
            o200k < if name == "others" { 2.2 } else { 1.6 },
            "{name} is counted high\n{shown}"
        );
    }
    println!("{shown}");
}

#[test]
fn two_million_tokens_are_counted_within_seconds() {
    let text = [ENGLISH, CODE, DUTCH].concat().repeat(400);
    let began = Instant::now();
    let count = Bounded.count(&text);
    let (took, mib) = (began.elapsed(), text.len() / 1024 / 1024);
    println!("{mib} MiB, {count} tokens in {took:?}");
    assert!(count > 2_000_000 && took.as_secs() < 20, "{took:?}");
    // What has no place to cut it is no slower.
    let began = Instant::now();
    assert!(Bounded.count(&"x7Qz".repeat(250_000)) > 250_000);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn every_character_is_counted_high_enough() {
    for c in ('\0'..='\u{2ffff}').chain('\u{e0000}'..='\u{e01ef}') {
        for text in [c.to_string(), format!("a{c}b"), format!(" {c}{c} ")] {
            let (counted, real) = (Bounded.count(&text), real(&text));
            assert!(counted >= real, "U+{:04X} in {text:?}: {counted} < {real}", c as u32);
        }
    }
}

fn wordy() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,12}",
        "[A-Z][a-z]{1,8}",
        "[0-9]{1,9}",
        "[a-zé]{1,6}[A-Z]{1,4}",
        "[!-/:-@]{1,4}",
        "['][a-z]{1,3}",
        "[ \t]{1,5}",
        "[\r\n]{1,3}",
        "[一-龥]{1,4}",
        "[а-я]{1,8}",
        "[😀-😿]{1,3}",
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn ascii_is_cut_where_o200k_cuts_it(text in "[ -~\n\r\t]{0,120}") {
        let ours: Vec<_> = pieces(&text).collect();
        let theirs: Vec<_> = o200k_base().split(&text).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn ascii_is_counted_by_the_book(text in "[ -~\n\r\t]{0,120}") {
        prop_assert_eq!(usize::try_from(Bounded.count(&text)).unwrap(), by_the_book(&text));
    }

    #[test]
    fn no_text_is_counted_low(text in prop_oneof![wordy(), "\\PC{0,200}", any::<String>()]) {
        prop_assert!(Bounded.count(&text) >= real(&text), "{} < {}", Bounded.count(&text), real(&text));
    }

    #[test]
    fn pieces_are_the_whole_text(text in any::<String>()) {
        prop_assert_eq!(pieces(&text).collect::<String>(), text);
    }
}
