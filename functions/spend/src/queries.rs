//! Every SQL statement about whose account it is. What is on the accounts is in DynamoDB.

use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::account::{Kind, Owner};
use crate::model::{Caps, Scope};

const RUNS: &str = "
    -- spend::runs
    select r.id, w.slug as name, r.token_cap, r.micros_cap
    from runs r
    join workflows w on w.id = r.workflow_id
    where ($1::uuid is null or r.id < $1) and ($2::uuid is null or r.id = $2)
    order by r.id desc
    limit $3";

const AGENTS: &str = "
    -- spend::agents
    select id, slug as name, null::bigint as token_cap, null::bigint as micros_cap
    from agents
    where ($1::uuid is null or id < $1) and ($2::uuid is null or id = $2)
    order by id desc
    limit $3";

// Who they are is for those who may read members.
const USERS: &str = "
    -- spend::users
    select id, null::text as name, null::bigint as token_cap, null::bigint as micros_cap
    from users
    where ($1::uuid is null or id < $1) and ($2::uuid is null or id = $2)
    order by id desc
    limit $3";

/// One page of those who have accounts of this kind.
pub async fn owners(tx: &Tx<'_>, kind: Kind, window: Window<Uuid>) -> Result<Vec<Owner>> {
    let Some(sql) = statement(kind) else { return Ok(Vec::new()) };
    let nobody: Option<Uuid> = None;
    let rows = tx.all(sql, &[&window.after, &nobody, &window.rows()]).await?;
    rows.iter().map(|row| owner_of(kind, row)).collect()
}

pub async fn owner(tx: &Tx<'_>, kind: Kind, id: Uuid) -> Result<Owner> {
    let sql = statement(kind).ok_or(Error::NotFound)?;
    let (first, one): (Option<Uuid>, i64) = (None, 1);
    let row = tx.opt(sql, &[&first, &Some(id), &one]).await?;
    // No path names it: it is refused, and not "not found".
    let row = row.ok_or_else(|| Error::Refused {
        code: "account-missing",
        detail: "`id` is the id of nothing of this scope: check it".into(),
    })?;
    owner_of(kind, &row)
}

fn statement(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Run => Some(RUNS),
        Kind::Agent => Some(AGENTS),
        Kind::User => Some(USERS),
        Kind::Tenant | Kind::Day => None,
    }
}

fn owner_of(kind: Kind, row: &Row) -> Result<Owner> {
    let id: Uuid = row.try_get("id")?;
    Ok(Owner {
        scope: match kind {
            Kind::Agent => Scope::Agent(id),
            Kind::User => Scope::User(id),
            _ => Scope::Run(id),
        },
        name: row.try_get("name")?,
        caps: Caps { tokens: row.try_get("token_cap")?, micros: row.try_get("micros_cap")? },
    })
}
