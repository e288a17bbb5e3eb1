//! The audit trail: written in the same transaction as the deed.

use uuid::Uuid;

use crate::db::Tx;
use crate::{Caller, Result};

// Whoever does something that is audited exists: tenants and users arrive with their first deed,
// as their token names them.
const INSERT: &str = "
    -- audit::insert
    with tenant as (
        insert into tenants (id, org_id) values ($1, $2) on conflict do nothing
    ), person as (
        insert into users (tenant_id, id, sub) values ($1, $3, $4) on conflict do nothing
    )
    insert into audit_log (actor, action, subject)
    values ($3, $5, $6)";

pub async fn record(tx: &Tx<'_>, caller: &Caller, action: &str, subject: Uuid) -> Result<()> {
    let who = (&caller.tenant, caller.org_id.as_str(), &caller.user, caller.sub.as_str());
    tx.run(INSERT, &[who.0, &who.1, who.2, &who.3, &action, &subject]).await.map(drop)
}
