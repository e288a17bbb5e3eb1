//! Keys that cannot be built without saying whose they are.
//!
//! `cadre:1:{tenant}:kind:part…`: the braces put everything of a tenant into one slot of a cluster,
//! so that one script may touch all of it. Parts are spelled so that no two keys are the same text.

use std::fmt::Write;

use uuid::Uuid;

use crate::digest;

/// Of the keys' form: another number, and what older code left behind is never read again.
const VERSION: u8 = 1;
/// Longer parts go by their digest.
const LONGEST_PART: usize = 128;

/// A key, whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Whose keys are built: a tenant's, or one of the few things that come before any tenant.
#[derive(Clone, Debug)]
pub struct Scope {
    prefix: String,
    /// Whether the parts, not the prefix, choose the slot.
    spread: bool,
}

/// What is nobody's: said aloud, so that a search finds every place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Network addresses, whose requests are counted before anybody proves who they are.
    Addresses,
    /// Somebody on the way through the sign-in, who has no tenant yet.
    SignIns,
    /// What is looked up before its tenant is known: a session's or an API key's owner.
    Owners,
    /// Our own token for the issuer's Management API.
    Management,
}

impl Key {
    pub fn tenant(tenant: Uuid) -> Scope {
        Scope { prefix: format!("cadre:{VERSION}:{{{tenant}}}"), spread: false }
    }

    /// These are spread over a cluster; keys with the same parts stay together.
    pub fn system(what: System) -> Scope {
        let what = match what {
            System::Addresses => "addresses",
            System::SignIns => "sign-ins",
            System::Owners => "owners",
            System::Management => "management",
        };
        Scope { prefix: format!("cadre:{VERSION}:system:{what}"), spread: true }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scope {
    pub fn key(&self, kind: &'static str, parts: &[&str]) -> Key {
        let mut spelled = String::new();
        for part in parts {
            spelled.push(':');
            spell(&mut spelled, part);
        }
        let Self { prefix, spread } = self;
        if *spread {
            return Key(format!("{prefix}:{kind}:{{{}}}", spelled.get(1..).unwrap_or_default()));
        }
        Key(format!("{prefix}:{kind}{spelled}"))
    }
}

/// One spelling for each part, in which no `:` and no brace is left.
fn spell(key: &mut String, part: &str) {
    if part.len() > LONGEST_PART {
        key.push('~');
        key.push_str(&digest::sha256(part.as_bytes()));
        return;
    }
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._@".contains(&byte) {
            key.push(byte.into());
        } else {
            // Writing to a String cannot fail.
            let _ = write!(key, "%{byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::{Key, System};

    fn parts() -> impl Strategy<Value = Vec<String>> {
        let odd = "[a-z:{}%~|/* \u{e9}]{0,6}";
        prop::collection::vec(prop_oneof![odd.prop_map(String::from), any::<String>()], 0..4)
    }

    fn key(tenant: u8, parts: &[String]) -> Key {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Key::tenant(Uuid::from_u128(tenant.into())).key("kind", &parts)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
        #[test]
        fn t8_two_redis_keys_are_the_same_only_if_tenant_and_parts_are(
            ours in 0_u8..3, theirs in 0_u8..3, left in parts(), right in parts()
        ) {
            let same = ours == theirs && left == right;
            prop_assert_eq!(key(ours, &left) == key(theirs, &right), same);
            if ours != theirs {
                prop_assert!(!key(ours, &left).as_str().contains(&Uuid::from_u128(theirs.into()).to_string()));
            }
        }
    }

    #[test]
    fn a_key_says_whose_it_is_and_keeps_a_tenant_in_one_slot() {
        let key = key(7, &["user".into(), "auth0|a:b".into()]);
        let tenant = "{00000000-0000-0000-0000-000000000007}";
        assert_eq!(key.as_str(), format!("cadre:1:{tenant}:kind:user:auth0%7ca%3ab"));
        let address = Key::system(System::Addresses).key("rate", &["2001:db8::1"]);
        assert_eq!(address.as_str(), "cadre:1:system:addresses:rate:{2001%3adb8%3a%3a1}");
    }

    #[test]
    fn a_long_part_goes_by_its_digest() {
        let long = key(1, &["x".repeat(10_000)]);
        assert!(long.as_str().len() < 160, "{long:?}");
        assert_ne!(long, key(1, &["x".repeat(10_001)]));
    }
}
