//! Every SQL statement about roles, members and keys. The transaction sees one tenant only.

use shared::auth::key::Fresh;
use shared::db::Tx;
use shared::page::Window;
use shared::{Caller, Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{ApiKey, ChangedRole, Member, NewKey, NewRole, Role};
use crate::rules::ADMINS;

const ROLES: &str = "
    -- access::roles
    select id, slug, name, description, permissions, revision, created_at, updated_at
    from roles
    where deleted_at is null and ($1::uuid is null or id < $1) and ($3::uuid is null or id = $3)
    order by id desc
    limit $2";

pub async fn roles(tx: &Tx<'_>, window: Window<Uuid>) -> Result<Vec<Role>> {
    let rows = tx.all(ROLES, &[&window.after, &window.rows(), &None::<Uuid>]).await?;
    rows.iter().map(role_of).collect()
}

pub async fn role(tx: &Tx<'_>, id: Uuid) -> Result<Role> {
    let row = tx.opt(ROLES, &[&None::<Uuid>, &1_i64, &Some(id)]).await?;
    role_of(&row.ok_or(Error::NotFound)?)
}

const LOCK_ROLE: &str = "
    -- access::lock_role
    select id, slug, name, description, permissions, revision, created_at, updated_at
    from roles
    where id = $1 and deleted_at is null
    for update";

pub async fn lock_role(tx: &Tx<'_>, id: Uuid) -> Result<Role> {
    role_of(&tx.opt(LOCK_ROLE, &[&id]).await?.ok_or(Error::NotFound)?)
}

const LOCK_ROLES: &str = "
    -- access::lock_roles
    select id, slug, name, description, permissions, revision, created_at, updated_at
    from roles
    where slug = any ($1) and deleted_at is null
    order by id
    for share";

/// The tenant's own of these roles, which stay until the commit.
pub async fn lock_roles(tx: &Tx<'_>, slugs: &[String]) -> Result<Vec<Role>> {
    tx.all(LOCK_ROLES, &[&slugs]).await?.iter().map(role_of).collect()
}

const INSERT_ROLE: &str = "
    -- access::insert_role
    insert into roles (id, slug, name, description, permissions)
    values ($1, $2, $3, $4, $5)";

pub async fn insert_role(tx: &Tx<'_>, id: Uuid, new: &NewRole) -> Result<()> {
    let NewRole { slug, name, description, permissions } = new;
    tx.run(INSERT_ROLE, &[&id, slug, name, description, permissions]).await.map(drop)
}

const UPDATE_ROLE: &str = "
    -- access::update_role
    update roles
    set name = $2, description = $3, permissions = $4, revision = revision + 1, updated_at = now()
    where id = $1";

pub async fn update_role(tx: &Tx<'_>, id: Uuid, change: &ChangedRole) -> Result<()> {
    let ChangedRole { name, description, permissions, .. } = change;
    tx.run(UPDATE_ROLE, &[&id, name, description, permissions]).await.map(drop)
}

const DELETE_ROLE: &str = "
    -- access::delete_role
    update roles set deleted_at = now() where id = $1";

pub async fn delete_role(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE_ROLE, &[&id]).await.map(drop)
}

const WHO_HAS: &str = "
    -- access::who_has
    select user_id from members where $1 = any (roles)";

pub async fn who_has(tx: &Tx<'_>, role: &str) -> Result<Vec<Uuid>> {
    let rows = tx.all(WHO_HAS, &[&role]).await?;
    rows.iter().map(|row| Ok(row.try_get("user_id")?)).collect()
}

const MEMBERS: &str = "
    -- access::members
    select u.id, u.sub, u.created_at, coalesce(m.state, 'active') as state,
           coalesce(m.roles, '{}') as roles
    from users u
    left join members m on m.user_id = u.id
    where ($1::uuid is null or u.id < $1) and ($3::uuid is null or u.id = $3)
      and u.sub not like 'system|%'
    order by u.id desc
    limit $2";

pub async fn members(tx: &Tx<'_>, window: Window<Uuid>) -> Result<Vec<Member>> {
    let rows = tx.all(MEMBERS, &[&window.after, &window.rows(), &None::<Uuid>]).await?;
    rows.iter().map(member_of).collect()
}

pub async fn member(tx: &Tx<'_>, id: Uuid) -> Result<Member> {
    let row = tx.opt(MEMBERS, &[&None::<Uuid>, &1_i64, &Some(id)]).await?;
    member_of(&row.ok_or(Error::NotFound)?)
}

// So that there is a row to lock, whoever comes first.
const RECORD_MEMBER: &str = "
    -- access::record_member
    insert into members (user_id)
    select id from users where id = $1
    on conflict do nothing";

const ARRIVE: &str = "
    -- access::arrive
    insert into users (tenant_id, id, sub) values ($1, $2, $3) on conflict do nothing";

/// Somebody is on record before their first deed: the directory knows of them.
pub async fn arrive(tx: &Tx<'_>, tenant: Uuid, member: Uuid, sub: &str) -> Result<()> {
    tx.run(ARRIVE, &[&tenant, &member, &sub]).await.map(drop)
}

const LOCK_MEMBER: &str = "
    -- access::lock_member
    select u.id, u.sub, u.created_at, m.state, m.roles
    from members m
    join users u on u.id = m.user_id
    where m.user_id = $1
    for update of m";

pub async fn lock_member(tx: &Tx<'_>, id: Uuid) -> Result<Member> {
    tx.run(RECORD_MEMBER, &[&id]).await?;
    member_of(&tx.opt(LOCK_MEMBER, &[&id]).await?.ok_or(Error::NotFound)?)
}

const SET_MEMBER: &str = "
    -- access::set_member
    update members set state = $2, roles = $3, changed_at = now() where user_id = $1";

pub async fn set_member(tx: &Tx<'_>, id: Uuid, state: &str, roles: &[String]) -> Result<()> {
    tx.run(SET_MEMBER, &[&id, &state, &roles]).await.map(drop)
}

const LOCK_ADMINS: &str = "
    -- access::lock_admins
    select user_id
    from members
    where state = 'active' and roles && $1
    order by user_id
    for update";

pub async fn lock_admins(tx: &Tx<'_>) -> Result<Vec<Uuid>> {
    let rows = tx.all(LOCK_ADMINS, &[&ADMINS.to_vec()]).await?;
    rows.iter().map(|row| Ok(row.try_get("user_id")?)).collect()
}

const KEYS: &str = "
    -- access::keys
    select id, name, hint, owner, permissions, created_at, expires_at, last_used_at, revoked_at
    from api_keys
    where ($1::uuid is null or id < $1) and ($3::uuid is null or id = $3)
    order by id desc
    limit $2";

pub async fn keys(tx: &Tx<'_>, window: Window<Uuid>) -> Result<Vec<ApiKey>> {
    let rows = tx.all(KEYS, &[&window.after, &window.rows(), &None::<Uuid>]).await?;
    rows.iter().map(key_of).collect()
}

pub async fn key(tx: &Tx<'_>, id: Uuid) -> Result<ApiKey> {
    let row = tx.opt(KEYS, &[&None::<Uuid>, &1_i64, &Some(id)]).await?;
    key_of(&row.ok_or(Error::NotFound)?)
}

const INSERT_KEY: &str = "
    -- access::insert_key
    insert into api_keys (id, name, owner, lookup, digest, hint, permissions, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8))";

pub async fn insert_key(
    tx: &Tx<'_>,
    id: Uuid,
    caller: &Caller,
    new: &NewKey,
    days: i32,
    fresh: &Fresh,
) -> Result<()> {
    let Fresh { lookup, digest, hint, .. } = fresh;
    let what = (&new.name, &new.permissions);
    tx.run(INSERT_KEY, &[&id, what.0, &caller.user, lookup, digest, hint, what.1, &days])
        .await
        .map(drop)
}

const REVOKE_KEY: &str = "
    -- access::revoke_key
    update api_keys set revoked_at = now() where id = $1 and revoked_at is null";

/// False when it was revoked before, or is not there.
pub async fn revoke_key(tx: &Tx<'_>, id: Uuid) -> Result<bool> {
    Ok(tx.run(REVOKE_KEY, &[&id]).await? > 0)
}

const REVOKE_KEYS_OF: &str = "
    -- access::revoke_keys_of
    update api_keys set revoked_at = now() where owner = $1 and revoked_at is null";

pub async fn revoke_keys_of(tx: &Tx<'_>, member: Uuid) -> Result<()> {
    tx.run(REVOKE_KEYS_OF, &[&member]).await.map(drop)
}

fn role_of(row: &Row) -> Result<Role> {
    Ok(Role {
        id: row.try_get("id")?,
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        permissions: row.try_get("permissions")?,
        revision: row.try_get("revision")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn member_of(row: &Row) -> Result<Member> {
    Ok(Member {
        id: row.try_get("id")?,
        sub: row.try_get("sub")?,
        state: row.try_get("state")?,
        roles: row.try_get("roles")?,
        created_at: row.try_get("created_at")?,
    })
}

fn key_of(row: &Row) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        hint: row.try_get("hint")?,
        owner: row.try_get("owner")?,
        permissions: row.try_get("permissions")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
