//! Whatever is sent, the answer is an import or a refusal, never a panic.

use std::collections::BTreeSet;

use imports::bmad;
use imports::bundle::Bundle;
use imports::model::Import;
use proptest::prelude::*;
use serde_json::Value;

use crate::embedded::MODULE as A;
use crate::packing::{gz, tar, zip};
use crate::skills::MODULE as D;

fn read(bundle: &Bundle) {
    let first = bmad::read(bundle);
    assert_eq!(first, bmad::read(bundle));
    first.iter().for_each(fits);
}

fn digest(bytes: &[u8]) {
    if let Ok(bundle) = Bundle::from_bytes(bytes) {
        read(&bundle);
    }
}

/// Nothing that the record could not store: names that are names, once each, and no NUL.
fn fits(import: &Import) {
    assert!(!has_nul(&serde_json::to_value(import).unwrap()));
    for slugs in [
        import.agents.iter().map(|agent| agent.slug.as_str()).collect::<Vec<_>>(),
        import.workflows.iter().map(|workflow| workflow.slug.as_str()).collect(),
        import.rooms.iter().map(|room| room.slug.as_str()).collect(),
        import.members.iter().map(|member| member.code.as_str()).collect(),
    ] {
        let unique: BTreeSet<&str> = slugs.iter().copied().collect();
        assert_eq!(unique.len(), slugs.len(), "{slugs:?}");
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        assert!(slugs.iter().all(|slug| slug.len() <= 100 && slug.starts_with(plain)), "{slugs:?}");
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Text that looks like what the readers look for.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop_oneof![
        Just("---\n"),
        Just("name: one\n"),
        Just("description: d\n"),
        Just("```yaml\n"),
        Just("```\n"),
        Just("agent:\n  id: a\n"),
        Just("workflow:\n  sequence:\n"),
        Just("  - agent: a/b\n    requires: x\n"),
        Just("[workflow]\n"),
        Just("[[workflow.party_groups]]\nid = 'x'\n"),
        Just("[agent]\n[[agent.menu]]\ncode = 'X'\n"),
        Just("## On Activation\n\n1. Run `{workflow.activation_steps_prepend}`. Stay.\n"),
        Just("HALT and ask the user. ./step-02-x.md {a} {{.b}} {"),
        Just("M,skill,S,S,d,,,plan,,,false,,\n"),
        Just("title: \"\\0\"\n"),
        Just("é✍️\u{feff}\r\n"),
        Just("&a [*a, *a]\n"),
        Just("*draft {x}\" - do\n"),
        Just("`. `uv run x.py\n"),
    ];
    prop::collection::vec(scrap, 0..24).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2_000), head in 0_usize..4) {
        let magic: [&[u8]; 4] = [b"", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"PK\x03\x04", b"PK\x05\x06"];
        digest(&[magic[head], &bytes].concat());
    }

    #[test]
    fn bundles_with_flipped_bytes(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        which in 0_usize..6,
    ) {
        let files: &[(&str, &str)] = if which % 2 == 0 { &A } else { &D };
        let mut bytes = match which / 2 {
            0 => tar(files),
            1 => gz(&tar(files)),
            _ => zip(files),
        };
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        digest(&bytes);
    }

    #[test]
    fn definitions_with_a_file_replaced_by_scraps(
        text in scraps(),
        at in any::<prop::sample::Index>(),
        generation in any::<bool>(),
    ) {
        let files: &[(&str, &str)] = if generation { &A } else { &D };
        let replaced = at.index(files.len());
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .enumerate()
            .map(|(at, (path, own))| {
                let text = if at == replaced { text.as_str() } else { own };
                ((*path).to_owned(), text.as_bytes().to_vec())
            })
            .collect();
        let bundle = Bundle::from_files(files).unwrap();
        read(&bundle);
    }

    #[test]
    fn definitions_cut_anywhere(cut in any::<prop::sample::Index>(), generation in any::<bool>()) {
        let files: &[(&str, &str)] = if generation { &A } else { &D };
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .map(|(path, text)| {
                let bytes = text.as_bytes();
                ((*path).to_owned(), bytes[..cut.index(bytes.len() + 1)].to_vec())
            })
            .collect();
        let bundle = Bundle::from_files(files).unwrap();
        read(&bundle);
    }
}
