//! Somebody may not come in any more: what ends with that, on record and at the gate.

use shared::db::Tx;
use shared::{App, Result};
use uuid::Uuid;

use crate::{queries, rules};

/// Roles and keys end with the transaction; `state` is `blocked` or `removed`.
pub async fn on_record(tx: &Tx<'_>, member: Uuid, state: &str) -> Result<()> {
    queries::set_member(tx, member, state, &[]).await?;
    queries::revoke_keys_of(tx, member).await
}

/// After the commit: the gate's copies go, so that the next request reads the record.
pub async fn at_once(app: App, tenant: Uuid, member: Uuid, _sub: &str) {
    rules::changed(app, tenant, &[member]).await;
}
