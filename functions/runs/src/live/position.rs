//! Where a reader is: `12`, or `12-0.3.120.9f…` with a text under way for each part. The number of the
//! last event; then, for a step by its place in the workflow, the turn, how many bytes of its text were
//! sent, and their digest. Pure.

use std::collections::BTreeMap;
use std::fmt;

use shared::{Error, Result};

/// Texts that can be under way at once. The machine runs ten steps side by side.
const MOST_OPEN: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The last event that was sent.
    pub after: i64,
    /// By the step's place.
    pub open: BTreeMap<i32, Open>,
}

/// A text of which this much was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub turn: i32,
    pub sent: usize,
    pub digest: Digest,
}

/// FNV-1a, which can go on where it ended. It tells one try of a turn from another, and guards
/// nothing: who forges it is told that the text begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    pub fn of(text: &str) -> Self {
        Self::default().and(text)
    }

    #[must_use]
    pub fn and(self, text: &str) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(self.0, step))
    }
}

impl Open {
    pub fn new(turn: i32) -> Self {
        Self { turn, sent: 0, digest: Digest::default() }
    }

    /// Whether `text` begins with what was sent; `None` when it is too short to tell.
    pub fn fits(&self, text: &str) -> Option<bool> {
        if text.len() < self.sent {
            return None;
        }
        Some(text.get(..self.sent).is_some_and(|sent| Digest::of(sent) == self.digest))
    }

    pub fn send(&mut self, piece: &str) {
        self.sent += piece.len();
        self.digest = self.digest.and(piece);
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.after)?;
        for (place, Open { turn, sent, digest }) in &self.open {
            write!(f, "-{place}.{turn}.{sent}.{:x}", digest.0)?;
        }
        Ok(())
    }
}

impl Position {
    /// What a client sends as `Last-Event-ID`.
    pub fn parse(id: &str) -> Result<Self> {
        let wrong =
            || Error::Invalid("Last-Event-ID must be the `id` of an event of this stream".into());
        read(id).ok_or_else(wrong)
    }
}

fn read(id: &str) -> Option<Position> {
    let mut parts = id.split('-');
    let after = number(parts.next()?)?;
    let mut open = BTreeMap::new();
    for part in parts {
        let mut fields = part.split('.');
        let place = number(fields.next()?)?;
        let (turn, sent) = (number(fields.next()?)?, number(fields.next()?)?);
        let hash = fields.next().filter(|hash| hash.len() <= 16 && !hash.starts_with('+'))?;
        let digest = Digest(u64::from_str_radix(hash, 16).ok()?);
        let new = open.insert(place, Open { turn, sent, digest }).is_none();
        if fields.next().is_some() || !new || open.len() > MOST_OPEN {
            return None;
        }
    }
    Some(Position { after, open })
}

/// Digits and nothing else.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Digest, Open, Position};

    #[test]
    fn what_is_no_id_of_ours_is_refused() {
        for bad in [
            "",
            "x",
            "-1",
            "+1",
            "1-",
            "1-0",
            "1-0.1.2",
            "1-0.1.2.zz",
            "1-0.1.2.3.4",
            "1-0.1.2.+3",
            "1-0.1.2.3-0.1.2.3",
            "99999999999999999999",
            "1-0.99999999999.2.3",
            "1 ",
            "1\u{e9}",
        ] {
            assert!(Position::parse(bad).is_err(), "{bad}");
        }
        let many: Vec<_> = (0..65).map(|place| format!("-{place}.1.0.0")).collect();
        assert!(Position::parse(&format!("1{}", many.concat())).is_err());
    }

    proptest! {
        #[test]
        fn an_id_comes_back_as_it_went(
            after in 0..i64::MAX,
            open in prop::collection::btree_map(0..1000_i32, (1..10_000_i32, "[a-z\u{e9}]{0,40}"), 0..12)
        ) {
            let open = open.into_iter().map(|(place, (turn, text))| {
                let mut open = Open::new(turn);
                open.send(&text);
                (place, open)
            });
            let position = Position { after, open: open.collect() };
            prop_assert_eq!(Position::parse(&position.to_string()).unwrap(), position);
        }

        #[test]
        fn nothing_that_is_sent_makes_us_fall(id in any::<String>()) {
            let _ = Position::parse(&id);
        }

        #[test]
        fn a_digest_goes_on_where_it_ended(one in any::<String>(), two in any::<String>()) {
            prop_assert_eq!(Digest::of(&one).and(&two), Digest::of(&format!("{one}{two}")));
        }
    }
}
