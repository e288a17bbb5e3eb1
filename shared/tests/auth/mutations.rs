//! A token with any part of it changed is no token.

use futures_util::FutureExt;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use shared::auth::AuthError;

use crate::issuer::{Issuer, good};

#[derive(Clone, Debug)]
enum Change {
    /// Some other byte at a place.
    Replace(Index, u8),
    /// A character of the token's own alphabet, which gets furthest.
    Letter(Index, Index),
    Insert(Index, u8),
    Remove(Index),
    Swap(Index, Index),
    Cut(Index),
    /// A piece of it once more.
    Repeat(Index, Index),
}

const ALPHABET: &[u8; 65] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), at()).prop_map(|(place, letter)| Change::Letter(place, letter)),
        2 => (at(), any::<u8>()).prop_map(|(place, byte)| Change::Replace(place, byte)),
        1 => (at(), any::<u8>()).prop_map(|(place, byte)| Change::Insert(place, byte)),
        1 => at().prop_map(Change::Remove),
        1 => (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Change::Repeat(from, to)),
    ]
}

fn changed(token: &str, changes: &[Change]) -> String {
    let mut bytes = token.as_bytes().to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match change {
            Change::Replace(at, byte) => bytes[at.index(len)] = *byte,
            Change::Letter(at, letter) => bytes[at.index(len)] = ALPHABET[letter.index(65)],
            Change::Insert(at, byte) => bytes.insert(at.index(len), *byte),
            Change::Remove(at) => drop(bytes.remove(at.index(len))),
            Change::Swap(one, other) => bytes.swap(one.index(len), other.index(len)),
            Change::Cut(at) => bytes.truncate(at.index(len)),
            Change::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(piece);
            }
        }
    }
    // A header's value is text: other bytes never reach the verifier.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `TOKEN_MUTATIONS=10000000` for the long run.
#[test]
fn a30_no_mutated_token_is_let_in_and_none_makes_the_verifier_panic() {
    #[expect(clippy::disallowed_methods, reason = "how many is for who runs the test to say")]
    let cases = std::env::var("TOKEN_MUTATIONS").map_or(100_000, |count| count.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let issuer = Issuer::new();
    let good = good();
    runtime.block_on(issuer.verify(&good)).unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let mut signatures = 0;
    let judged = runner.run(&prop::collection::vec(change(), 1..4), |changes| {
        let token = changed(&good, &changes);
        if token == good {
            return Ok(());
        }
        match issuer.verify(&token).now_or_never() {
            Some(Err(_)) => Ok(()),
            judged => Err(TestCaseError::fail(format!("{judged:?}"))),
        }
    });
    judged.unwrap();
    // What only touches the signature gets as far as the mathematics.
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for (at, letter) in signature.char_indices() {
        let other = if letter == 'A' { "B" } else { "A" };
        let mut changed = signature.to_owned();
        changed.replace_range(at..=at, other);
        let judged = issuer.verify(&format!("{head}.{body}.{changed}")).now_or_never().unwrap();
        signatures += usize::from(judged.unwrap_err() == AuthError::Signature);
    }
    assert_eq!(signatures, signature.len());
}
