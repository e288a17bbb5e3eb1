//! Keys of the one table, which cannot be built without a tenant.
//!
//! `pk` is `{tenant}/{kind}/{digest of the parts}`, so a tenant's items are told apart by their
//! first characters and lie in many partitions; `sk` says what of it, and is the kind again so far.

use uuid::Uuid;

use crate::digest;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) pk: String,
    pub(super) sk: &'static str,
}

/// Whose keys are built.
#[derive(Clone, Copy, Debug)]
pub struct Scope(Uuid);

impl Key {
    pub fn tenant(tenant: Uuid) -> Scope {
        Scope(tenant)
    }

    pub fn pk(&self) -> &str {
        &self.pk
    }
}

impl Scope {
    /// What was answered to a request, by what makes it the same one.
    pub fn request(self, route: &str, user: Uuid, key: &str) -> Key {
        self.item("request", "request", &[route, &user.to_string(), key])
    }

    /// A count that is guarded by conditions, by what it is a count of.
    pub fn count(self, of: &[&str]) -> Key {
        self.item("count", "count", of)
    }

    /// A part of such counts that somebody holds, by its id.
    pub fn hold(self, id: &str) -> Key {
        self.item("hold", "hold", &[id])
    }

    fn item(self, kind: &str, sk: &'static str, parts: &[&str]) -> Key {
        let mut whole = String::new();
        for part in parts {
            // Its length before it: so no two lists of parts are the same text.
            whole.push_str(&part.len().to_string());
            whole.push(':');
            whole.push_str(part);
        }
        Key { pk: format!("{}/{kind}/{}", self.0, digest::sha256(whole.as_bytes())), sk }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::Key;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
        #[test]
        fn t8_two_dynamo_keys_are_the_same_only_if_tenant_user_route_and_key_are(
            ours in 0_u128..2, theirs in 0_u128..2, ada in 0_u128..2, bob in 0_u128..2,
            left in "[a:/{}1]{0,3}", right in "[a:/{}1]{0,3}",
            one in "[a:/{}1]{0,3}", other in "[a:/{}1]{0,3}",
        ) {
            let key = |tenant, route: &str, user, key: &str| {
                Key::tenant(Uuid::from_u128(tenant)).request(route, Uuid::from_u128(user), key)
            };
            let (first, second) = (key(ours, &left, ada, &one), key(theirs, &right, bob, &other));
            let same = (ours, &left, ada, &one) == (theirs, &right, bob, &other);
            prop_assert_eq!(first == second, same);
            prop_assert!(first.pk().starts_with(&Uuid::from_u128(ours).to_string()));
        }

        #[test]
        fn t8_two_counts_or_holds_are_the_same_only_if_tenant_and_parts_are(
            ours in 0_u128..2, theirs in 0_u128..2,
            left in prop::collection::vec("[a:/{}1]{0,3}", 0..3),
            right in prop::collection::vec("[a:/{}1]{0,3}", 0..3),
        ) {
            let scope = |tenant| Key::tenant(Uuid::from_u128(tenant));
            let parts = |all: &'_ [String]| all.concat();
            let of = |all: &[String], tenant| {
                scope(tenant).count(&all.iter().map(String::as_str).collect::<Vec<_>>())
            };
            prop_assert_eq!(of(&left, ours) == of(&right, theirs), (ours, &left) == (theirs, &right));
            let (one, other) = (parts(&left), parts(&right));
            let holds = scope(ours).hold(&one) == scope(theirs).hold(&other);
            prop_assert_eq!(holds, (ours, &one) == (theirs, &other));
            prop_assert!(of(&left, ours) != scope(ours).hold(&one), "a count is no hold");
            prop_assert!(of(&left, ours).pk().starts_with(&Uuid::from_u128(ours).to_string()));
        }
    }
}
