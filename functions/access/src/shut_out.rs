//! Somebody may not come in any more: what ends with that, on record and at the gate.

use shared::auth::revocation::{self, Kind, Mark};
use shared::db::Tx;
use shared::{App, Result};
use uuid::Uuid;

use crate::{queries, rules};

/// Roles, keys, sessions and tokens end with the transaction; `state` is `blocked` or `removed`.
/// The mark is to be spread after the commit.
pub async fn on_record(tx: &Tx<'_>, member: Uuid, sub: &str, state: &str) -> Result<Mark> {
    queries::set_member(tx, member, state, &[]).await?;
    queries::revoke_keys_of(tx, member).await?;
    revocation::mark(tx, Kind::User, sub).await
}

/// After the commit: the gate's copies go, so that the next request reads the record.
pub async fn at_once(app: App, tenant: Uuid, member: Uuid, marks: &[Mark]) {
    revocation::spread(app, tenant, marks).await;
    rules::changed(app, tenant, &[member]).await;
}
