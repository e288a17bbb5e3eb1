//! ASVS 5.0, chapters V6 to V10, levels 1 and 2: each id has a test that is there, a place in a
//! document that is there, or a reason. The texts of the standard are OWASP's, and not here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::source::rust;
use crate::world::root;

/// The ids of levels 1 and 2, by section.
const IDS: [(&str, &[u32]); 26] = [
    ("V6.1", &[1, 2, 3]),
    ("V6.2", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ("V6.3", &[1, 2, 3, 4]),
    ("V6.4", &[1, 2, 3, 4]),
    ("V6.5", &[1, 2, 3, 4, 5]),
    ("V6.6", &[1, 2, 3]),
    ("V6.8", &[1, 2, 3, 4]),
    ("V7.1", &[1, 2, 3]),
    ("V7.2", &[1, 2, 3, 4]),
    ("V7.3", &[1, 2]),
    ("V7.4", &[1, 2, 3, 4, 5]),
    ("V7.5", &[1, 2]),
    ("V7.6", &[1, 2]),
    ("V8.1", &[1, 2]),
    ("V8.2", &[1, 2, 3]),
    ("V8.3", &[1]),
    ("V8.4", &[1]),
    ("V9.1", &[1, 2, 3]),
    ("V9.2", &[1, 2, 3, 4]),
    ("V10.1", &[1, 2]),
    ("V10.2", &[1, 2]),
    ("V10.3", &[1, 2, 3, 4]),
    ("V10.4", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("V10.5", &[1, 2, 3, 4, 5]),
    ("V10.6", &[1, 2]),
    ("V10.7", &[1, 2, 3]),
];

/// `id,level,how,proof`; only a proof may have commas, and then it is in quotes.
fn mapping(text: &str) -> Vec<(String, String, String)> {
    let lines = text.lines().skip(1).filter(|line| !line.is_empty());
    let read = |line: &str| {
        let mut parts = line.splitn(4, ',').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let (id, level, how, proof) = (next(), next(), next(), next());
        assert!(["1", "2"].contains(&level.as_str()), "{id}: level {level}");
        (id, how, proof.trim_matches('"').to_owned())
    };
    lines.map(read).collect()
}

/// Every test of the repository: its functions, and the names of those with a main of their own.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in rust(&["shared", "functions", "cli", "local", "tests"]) {
        for after in source.text.split("fn ").skip(1) {
            let name: String =
                after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.insert(name);
        }
    }
    found
}

/// The anchors that a reader finds in a document.
fn anchors(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
    };
    headings.map(anchor).collect()
}

/// What is wrong with a mapping.
fn faults(text: &str) -> Vec<String> {
    let tests = tests();
    let mut found = Vec::new();
    let mut left: BTreeSet<String> = IDS
        .iter()
        .flat_map(|(section, ids)| ids.iter().map(move |id| format!("{section}.{id}")))
        .collect();
    for (id, how, proof) in mapping(text) {
        if !left.remove(&id) {
            found.push(format!("{id} is there twice, or is no id of level 1 or 2"));
        }
        match how.as_str() {
            "test" => {
                let missing: Vec<_> =
                    proof.split(' ').filter(|name| !tests.contains(*name)).collect();
                if !missing.is_empty() {
                    found.push(format!("{id}: no such test: {missing:?}"));
                }
            }
            "document" => {
                let (file, anchor) = proof.split_once('#').unwrap_or((&proof, ""));
                if !root().join(file).is_file() || !anchors(file).contains(anchor) {
                    found.push(format!("{id}: {proof} leads nowhere"));
                }
            }
            "reason" if proof.split(' ').count() > 5 => {}
            _ => found.push(format!("{id}: `{how}` without a reason")),
        }
    }
    found.extend(left.into_iter().map(|id| format!("{id} is mapped to nothing")));
    found
}

#[test]
fn every_requirement_of_asvs_has_a_test_a_document_or_a_reason() {
    let text = fs::read_to_string(root().join("docs/security/asvs.csv")).unwrap();
    assert_eq!(faults(&text), [""; 0]);
    let mut by_kind: BTreeMap<String, u32> = BTreeMap::new();
    for (_, how, _) in mapping(&text) {
        *by_kind.entry(how).or_default() += 1;
    }
    tests::tell(&format!("ASVS 5.0, V6 to V10, L1 and L2: {by_kind:?}"));
}

#[test]
fn a_gap_in_the_mapping_would_be_noticed() {
    let text = fs::read_to_string(root().join("docs/security/asvs.csv")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let without = |n: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, line)| *line);
        kept.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(faults(&without(5)).len(), 1, "a line is gone");
    for wrong in ["test,no_such_test", "document,docs/security/README.md#nowhere", "reason,"] {
        let id = lines[1].split(',').next().unwrap_or_default();
        let changed = text.replace(lines[1], &format!("{id},1,{wrong}"));
        assert_eq!(faults(&changed).len(), 1, "{wrong}");
    }
}
