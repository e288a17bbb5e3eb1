//! The cache: never wrong, bounded, and worth it.

#![expect(clippy::print_stdout, reason = "figures are for people to read")]

use std::collections::HashMap;

use context::cache::{Cache, Head};
use context::model::Entry;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn entry(id: u128, version: i32, text: &str) -> Entry {
    let entry = json!({ "id": Uuid::from_u128(id), "layer": "tenant", "owner": null, "name": "n",
        "kind": "fact", "value": text, "schema": null, "load": { "when": "always" },
        "language": "en", "provenance": { "from": "person" }, "version": version,
        "expires_at": null, "updated_at": "2026-01-01T00:00:00Z" });
    serde_json::from_value(entry).unwrap_or_else(|error| panic!("{error}"))
}

/// What the record would answer: all that may be seen, with the text of what is not known.
fn ask(
    cache: &mut Cache,
    tenant: u128,
    record: &HashMap<(u128, u128), Entry>,
    hidden: &[u128],
) -> Vec<Entry> {
    let tenant_id = Uuid::from_u128(tenant);
    let known = cache.known(tenant_id);
    let (ids, versions) = known.columns();
    let known_versions: HashMap<_, _> = ids.into_iter().zip(versions).collect();
    let seen = record.iter().filter(|((of, id), _)| *of == tenant && !hidden.contains(id));
    let answer = seen.map(|(_, entry)| Head {
        id: entry.id,
        version: entry.version,
        granted: false,
        body: (known_versions.get(&entry.id) != Some(&entry.version)).then(|| entry.clone()),
    });
    let answer = answer.collect();
    cache.fill(tenant_id, &known, answer)
}

proptest! {
    #[test]
    fn what_is_seen_is_what_the_record_says_whatever_happened_before(
        steps in prop::collection::vec((0_u128..2, 0_u128..6, 0_u8..4), 1..80), room in 0_usize..8
    ) {
        let mut cache = Cache::new(room * 700);
        let mut record: HashMap<(u128, u128), Entry> = HashMap::new();
        for (n, (tenant, id, what)) in steps.into_iter().enumerate() {
            // An id's versions never come back: who is put again after a deletion has a new id.
            let version = i32::try_from(n).unwrap_or(i32::MAX);
            match what {
                0 => _ = record.insert((tenant, id), entry(id, version, &format!("{tenant} {n}"))),
                1 => _ = record.remove(&(tenant, id)),
                _ => {}
            }
            // Revoked in this very question.
            let hidden = if what == 2 { vec![id] } else { vec![] };
            let mut seen = ask(&mut cache, tenant, &record, &hidden);
            let mut expected: Vec<_> =
                record.iter().filter(|((of, id), _)| *of == tenant && !hidden.contains(id)).map(|(_, e)| e.clone()).collect();
            seen.sort_by_key(|entry| entry.id);
            expected.sort_by_key(|entry| entry.id);
            prop_assert_eq!(seen, expected);
        }
    }
}

#[test]
fn nothing_is_given_out_that_was_not_asked_for_by_this_tenant_at_this_version() {
    let mut cache = Cache::new(1_000_000);
    let (ours, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let head = |version, body| vec![Head { id: Uuid::from_u128(7), version, granted: false, body }];
    let nothing = cache.known(ours);
    cache.fill(ours, &nothing, head(1, Some(entry(7, 1, "ours"))));
    let known = cache.known(ours);
    assert_eq!(cache.fill(ours, &known, head(1, None)).len(), 1);
    assert!(cache.fill(ours, &known, head(2, None)).is_empty());
    let known = cache.known(theirs);
    assert_eq!(known.columns(), (vec![], vec![]));
    assert!(cache.fill(theirs, &known, head(1, None)).is_empty());
}

#[test]
fn a_room_of_twelve_turns_in_which_one_entry_changes_reads_it_anew_and_no_other() {
    let mut cache = Cache::new(1_000_000);
    let mut record: HashMap<_, _> = (0..20).map(|id| ((1, id), entry(id, 1, "x"))).collect();
    for turn in 1..=12 {
        record.insert((1, 0), entry(0, turn, "changes"));
        assert_eq!(ask(&mut cache, 1, &record, &[]).len(), 20);
    }
    let (hits, misses) = cache.looks(Uuid::from_u128(1));
    println!("{hits} of {} entries were not read anew", hits + misses);
    assert_eq!((hits, misses), (11 * 19, 20 + 11));
}
