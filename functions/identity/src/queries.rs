//! Every SQL statement about sessions, but the one that finds them (`shared/src/auth/session.rs`).

use jiff::Timestamp;
use serde_json::Value;
use shared::Result;
use shared::db::Tx;
use shared::page::Window;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::SessionEntry;

/// A session that begins.
pub(crate) struct NewSession<'a> {
    pub(crate) id: Uuid,
    pub(crate) digest: String,
    pub(crate) user: Uuid,
    pub(crate) sub: &'a str,
    pub(crate) org_id: &'a str,
    pub(crate) client: Option<String>,
    pub(crate) admin_client: bool,
    pub(crate) permissions: Vec<String>,
    pub(crate) factors: Vec<String>,
    pub(crate) acr: Option<String>,
    pub(crate) signed_in: Option<Timestamp>,
    pub(crate) profile: Value,
    pub(crate) refresh: Option<Vec<u8>>,
    pub(crate) agent: String,
    pub(crate) fresh_until: Timestamp,
    pub(crate) until: Timestamp,
}

const INSERT: &str = "
    -- identity::insert
    insert into sessions (id, digest, user_id, sub, org_id, client, admin_client, permissions,
                          factors, acr, signed_in_at, profile, refresh, agent, fresh_until, until)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

pub(crate) async fn insert(tx: &Tx<'_>, new: &NewSession<'_>) -> Result<()> {
    let profile = new.profile.clone();
    let parameters: [&dyn shared::db::Param; 16] = [
        &new.id,
        &new.digest,
        &new.user,
        &new.sub,
        &new.org_id,
        &new.client,
        &new.admin_client,
        &new.permissions,
        &new.factors,
        &new.acr,
        &new.signed_in,
        &profile,
        &new.refresh,
        &new.agent,
        &new.fresh_until,
        &new.until,
    ];
    tx.run(INSERT, &parameters).await.map(drop)
}

const SIGNED_OUT_AT: &str = "
    -- identity::signed_out_at
    select floor(extract(epoch from before))::int8 as before
    from revocations
    where kind = 'user' and subject = $1";

/// When the person was last signed out everywhere, in seconds of Unix time.
pub(crate) async fn signed_out_at(tx: &Tx<'_>, sub: &str) -> Result<Option<i64>> {
    let row = tx.opt(SIGNED_OUT_AT, &[&sub]).await?;
    Ok(row.map(|row| row.try_get("before")).transpose()?)
}

const OF_USER: &str = "
    -- identity::of_user
    select id, agent, started_at, seen_at, until, 'mfa' = any (factors) as second_factor
    from sessions
    where user_id = $1 and ended_at is null and until > now()
      and seen_at > now() - interval '12 hours' and ($2::uuid is null or id < $2)
    order by id desc
    limit $3";

/// Newest first.
pub(crate) async fn of_user(
    tx: &Tx<'_>,
    user: Uuid,
    current: Option<Uuid>,
    window: &Window<Uuid>,
) -> Result<Vec<SessionEntry>> {
    let rows = tx.all(OF_USER, &[&user, &window.after, &window.rows()]).await?;
    rows.iter().map(|row| entry(row, current)).collect()
}

fn entry(row: &Row, current: Option<Uuid>) -> Result<SessionEntry> {
    let id = row.try_get("id")?;
    Ok(SessionEntry {
        id,
        agent: row.try_get("agent")?,
        started_at: row.try_get("started_at")?,
        seen_at: row.try_get("seen_at")?,
        until: row.try_get("until")?,
        second_factor: row.try_get("second_factor")?,
        current: current == Some(id),
    })
}

/// A session that is over, and what it leaves to take back.
pub(crate) struct Over {
    pub(crate) digest: String,
    /// Sealed.
    pub(crate) refresh: Option<Vec<u8>>,
}

// The refresh token goes with it: what is not kept cannot be stolen.
const END: &str = "
    -- identity::end
    with ending as (
        select tenant_id, id, refresh
        from sessions
        where user_id = $1 and ($2::uuid is null or id = $2) and ended_at is null
        for update
    )
    update sessions s
    set ended_at = now(), ended_why = $3, refresh = null
    from ending
    where s.tenant_id = ending.tenant_id and s.id = ending.id
    returning s.digest, ending.refresh";

/// Ends one session of a user, or all of them.
pub(crate) async fn end(
    tx: &Tx<'_>,
    user: Uuid,
    session: Option<Uuid>,
    why: &str,
) -> Result<Vec<Over>> {
    let rows = tx.all(END, &[&user, &session, &why]).await?;
    let over =
        |row: &Row| Ok(Over { digest: row.try_get("digest")?, refresh: row.try_get("refresh")? });
    rows.iter().map(over).collect()
}

// One at a time: two exchanges of one refresh token would look like a theft. Who dies in between
// leaves the lease to the next, ten seconds later.
const LEASE: &str = "
    -- identity::lease
    update sessions
    set refreshing_at = now()
    where digest = $1 and ended_at is null and until > now() and refresh is not null
      and (refreshing_at is null or refreshing_at < now() - interval '10 seconds')
    returning refresh";

/// The sealed refresh token, for whoever may exchange it now.
pub(crate) async fn lease(tx: &Tx<'_>, digest: &str) -> Result<Option<Vec<u8>>> {
    let row = tx.opt(LEASE, &[&digest]).await?;
    Ok(row.map(|row| row.try_get("refresh")).transpose()?)
}

const RELEASE: &str = "
    -- identity::release
    update sessions set refreshing_at = null where digest = $1";

pub(crate) async fn release(tx: &Tx<'_>, digest: &str) -> Result<()> {
    tx.run(RELEASE, &[&digest]).await.map(drop)
}

const RENEW: &str = "
    -- identity::renew
    update sessions
    set refreshing_at = null, refresh = $2, permissions = $3, fresh_until = least($4, until),
        seen_at = now()
    where digest = $1 and ended_at is null
    returning id";

/// False when it was ended meanwhile.
pub(crate) async fn renew(
    tx: &Tx<'_>,
    digest: &str,
    refresh: &[u8],
    permissions: &[String],
    fresh_until: Timestamp,
) -> Result<bool> {
    let row = tx.opt(RENEW, &[&digest, &refresh, &permissions, &fresh_until]).await?;
    Ok(row.is_some())
}
