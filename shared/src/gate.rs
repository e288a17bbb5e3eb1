//! What is asked once for each call, after it is known who calls: rate limits, revocation, and what
//! the tenant's own roles leave of the token's permissions.

use crate::auth::roles;
use crate::table::Access;
use crate::{App, Caller, Result};

/// What the tenant leaves its member; `None` when it has said nothing.
#[derive(Debug, Default)]
pub struct Ceiling(pub Option<Vec<String>>);

impl Ceiling {
    /// Never adds: what the token does not hold stays out.
    pub fn narrow(&self, permissions: &mut Vec<String>) {
        if let Some(left) = &self.0 {
            permissions.retain(|permission| roles::leaves(left, permission));
        }
    }
}

pub async fn pass(app: App, _: &Access, _route: &str, caller: &Caller) -> Result<Ceiling> {
    roles::ceiling(app.db()?, caller.tenant, caller.user).await.map(Ceiling)
}
