//! What is asked once for each call, after it is known who calls: rate limits, revocation, and what
//! the tenant's own roles leave of the token's permissions.

use std::collections::BTreeSet;

use crate::table::Access;
use crate::{App, Caller, Result};

/// The permissions that the tenant leaves its member; `None` when it has said nothing.
#[derive(Debug, Default)]
pub struct Ceiling(pub Option<BTreeSet<String>>);

impl Ceiling {
    /// Never adds: what the token does not hold stays out.
    pub fn narrow(&self, permissions: &mut Vec<String>) {
        if let Some(left) = &self.0 {
            permissions.retain(|permission| left.contains(permission));
        }
    }
}

#[expect(clippy::unused_async, reason = "it will ask Redis")]
pub async fn pass(_: App, _: &Access, _route: &str, _: &Caller) -> Result<Ceiling> {
    Ok(Ceiling::default())
}
