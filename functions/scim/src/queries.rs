//! Every SQL statement about people and groups of the directory. The transaction sees one tenant.

use serde_json::{Map, Value};
use shared::db::Tx;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::filter::Filter;
use crate::model::{Query, Resource};
use crate::schema::Kind;
use crate::{jsonpath, normal};

// `$2`: a path query; `$3`: a user name, for which there is an index.
const LIST: &str = "
    -- scim::list
    select id, kind, kept, sub, version, created_at, updated_at
    from directory
    where deleted_at is null and kind = any ($1)
      and ($3::text is null or user_name = $3)
      and ($2::text is null or folded @@ ($2::text)::jsonpath)
    order by kind desc, id
    offset $4 limit $5";

const COUNT: &str = "
    -- scim::count
    select count(*) as total
    from directory
    where deleted_at is null and kind = any ($1)
      and ($3::text is null or user_name = $3)
      and ($2::text is null or folded @@ ($2::text)::jsonpath)";

/// One page, and how many there are in all.
pub async fn list(
    tx: &Tx<'_>,
    kinds: &[Kind],
    filter: Option<&Filter>,
    query: &Query,
) -> Result<(Vec<Resource>, i64)> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.column()).collect();
    let path = filter.map(jsonpath::of);
    let name = filter.and_then(jsonpath::user_name);
    let (skip, most) = query.window();
    let total = tx.one(COUNT, &[&names, &path, &name]).await?.try_get("total")?;
    if most == 0 {
        return Ok((Vec::new(), total));
    }
    let rows = tx.all(LIST, &[&names, &path, &name, &skip, &most]).await?;
    Ok((rows.iter().map(resource).collect::<Result<_>>()?, total))
}

const BY_ID: &str = "
    -- scim::by_id
    select id, kind, kept, sub, version, created_at, updated_at
    from directory
    where id = $1 and kind = $2 and deleted_at is null";

pub async fn by_id(tx: &Tx<'_>, kind: Kind, id: Uuid) -> Result<Resource> {
    resource(&tx.opt(BY_ID, &[&id, &kind.column()]).await?.ok_or(Error::NotFound)?)
}

const LOCK: &str = "
    -- scim::lock
    select id, kind, kept, sub, version, created_at, updated_at
    from directory
    where id = $1 and kind = $2 and deleted_at is null
    for update";

pub async fn lock(tx: &Tx<'_>, kind: Kind, id: Uuid) -> Result<Resource> {
    resource(&tx.opt(LOCK, &[&id, &kind.column()]).await?.ok_or(Error::NotFound)?)
}

// The folded copy knows what filters may ask for beside the attributes: id and meta.
const INSERT: &str = "
    -- scim::insert
    insert into directory (id, kind, user_name, kept, folded, members)
    values ($1, $2, $3, $4, $5 || jsonb_build_object('id', $1::uuid, 'meta', jsonb_build_object(
                'resourcetype', $2::text, 'created', scim_time(now()), 'lastmodified', scim_time(now()))), $6)";

pub async fn insert(tx: &Tx<'_>, kind: Kind, id: Uuid, kept: &Map<String, Value>) -> Result<()> {
    let (name, whole, folded, members) = columns(kind, kept)?;
    tx.run(INSERT, &[&id, &kind.column(), &name, &whole, &folded, &members]).await.map(drop)
}

const UPDATE: &str = "
    -- scim::update
    update directory
    set user_name = $2, kept = $3, members = $5, version = version + 1, updated_at = now(),
        folded = $4 || jsonb_build_object('id', id, 'meta', jsonb_build_object(
            'resourcetype', kind, 'created', scim_time(created_at), 'lastmodified', scim_time(now())))
    where id = $1";

pub async fn update(tx: &Tx<'_>, kind: Kind, id: Uuid, kept: &Map<String, Value>) -> Result<()> {
    let (name, whole, folded, members) = columns(kind, kept)?;
    tx.run(UPDATE, &[&id, &name, &whole, &folded, &members]).await.map(drop)
}

// What was known of somebody goes with them; that they were there, and who they are to the issuer,
// stays for the audit trail and for what still has to be told.
const DELETE: &str = "
    -- scim::delete
    update directory
    set deleted_at = now(), deleted_by = 'provider', updated_at = now(), version = version + 1, user_name = null,
        kept = '{}', folded = '{}', members = '{}'
    where id = $1";

pub async fn delete(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, &[&id]).await.map(drop)
}

const WITHOUT: &str = "
    -- scim::without_member
    update directory d
    set members = array_remove(d.members, $1), version = version + 1, updated_at = now(),
        kept = jsonb_set(d.kept, '{members}', (
            select coalesce(jsonb_agg(m), '[]') from jsonb_array_elements(d.kept->'members') m
            where m->>'value' <> $1::text)),
        folded = jsonb_set(d.folded, '{members}', (
            select coalesce(jsonb_agg(m), '[]') from jsonb_array_elements(d.folded->'members') m
            where m->>'value' <> $1::text))
    where d.deleted_at is null and d.kind = 'group' and $1 = any (d.members)";

/// A member that is deleted belongs nowhere.
pub async fn without_member(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(WITHOUT, &[&id]).await.map(drop)
}

const MISSING: &str = "
    -- scim::missing
    select m.id
    from unnest($1::uuid[], $2::text[]) as m (id, kind)
    where not exists (
        select from directory d where d.id = m.id and d.kind = m.kind and d.deleted_at is null)
    limit 1";

/// One of these that is not there, if any is not.
pub async fn missing(tx: &Tx<'_>, members: &[(Uuid, Kind)]) -> Result<Option<Uuid>> {
    let ids: Vec<Uuid> = members.iter().map(|(id, _)| *id).collect();
    let kinds: Vec<&str> = members.iter().map(|(_, kind)| kind.column()).collect();
    let row = tx.opt(MISSING, &[&ids, &kinds]).await?;
    Ok(row.map(|row| row.try_get("id")).transpose()?)
}

/// That a member belongs to a group.
pub struct Belonging {
    pub member: Uuid,
    pub group: Uuid,
    pub name: String,
}

const GROUPS: &str = "
    -- scim::groups_of
    select m as member, d.id as group_id, d.kept->>$2::text as name
    from directory d
    cross join unnest(d.members) m
    where d.kind = 'group' and d.deleted_at is null and d.members && $1 and m = any ($1)
    order by d.id";

pub async fn groups_of(tx: &Tx<'_>, members: &[Uuid]) -> Result<Vec<Belonging>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.all(GROUPS, &[&members.to_vec(), &"displayName"]).await?;
    rows.iter()
        .map(|row| {
            Ok(Belonging {
                member: row.try_get("member")?,
                group: row.try_get("group_id")?,
                name: row.try_get::<_, Option<String>>("name")?.unwrap_or_default(),
            })
        })
        .collect()
}

type Columns = (Option<String>, Value, Value, Vec<Uuid>);

fn columns(kind: Kind, kept: &Map<String, Value>) -> Result<Columns> {
    let name = kept.get("userName").and_then(Value::as_str).map(str::to_lowercase);
    let folded = normal::folded(kind, kept)?;
    Ok((name, Value::Object(kept.clone()), folded, members_of(kept).iter().map(|m| m.0).collect()))
}

/// Whom a group names; what is no id of ours is nobody.
pub fn members_of(kept: &Map<String, Value>) -> Vec<(Uuid, Kind)> {
    let members = kept.get("members").and_then(Value::as_array).into_iter().flatten();
    members
        .map(|member| {
            let id = member["value"].as_str().and_then(|id| id.parse().ok());
            (id.unwrap_or_default(), Kind::of(member["type"].as_str().unwrap_or_default()))
        })
        .collect()
}

fn resource(row: &Row) -> Result<Resource> {
    let kept: Value = row.try_get("kept")?;
    Ok(Resource {
        id: row.try_get("id")?,
        kind: Kind::of(row.try_get("kind")?),
        kept: kept.as_object().cloned().unwrap_or_default(),
        sub: row.try_get("sub")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
