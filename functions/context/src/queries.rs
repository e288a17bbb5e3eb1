//! Every SQL statement about context. The transaction sees one tenant only.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::db::{Db, Param, Tx};
use shared::page::Window;
use shared::{Caller, Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::cache::{Head, Known};
use crate::model::{Author, Entry, Layer, NewEntry, Provenance};
use crate::place::Place;
use crate::share::{Grant, NewGrant, Reader};

const NOW: &str = "
    -- context::now
    select now() as now";

pub async fn now(tx: &Tx<'_>) -> Result<Timestamp> {
    Ok(tx.one(NOW, &[]).await?.try_get("now")?)
}

const OWNER_EXISTS: &str = "
    -- context::owner_exists
    select exists (select from workflows where id = $2 and $1 = 'workflow')
        or exists (select from runs where id = $2 and $1 = 'session')
        or exists (select from conversations where id = $2 and $1 = 'session') as there";

pub async fn owner_exists(tx: &Tx<'_>, layer: Layer, owner: Uuid) -> Result<()> {
    there(&tx.one(OWNER_EXISTS, &[&layer.as_str(), &owner]).await?, "owner-missing", "owner")
}

const READER_EXISTS: &str = "
    -- context::reader_exists
    select exists (select from agents where id = $2 and $1 = 'agent')
        or exists (select from workflows where id = $2 and $1 = 'workflow')
        or exists (select from users where id = $2 and $1 = 'user')
        or exists (select from runs where id = $2 and $1 = 'session')
        or exists (select from conversations where id = $2 and $1 = 'session') as there";

pub async fn reader_exists(tx: &Tx<'_>, reader: Reader, id: Uuid) -> Result<()> {
    there(&tx.one(READER_EXISTS, &[&reader.as_str(), &id]).await?, "reader-missing", "reader_id")
}

/// What a request speaks of, not what its path names: it is refused, and not "not found".
fn there(row: &Row, code: &'static str, field: &str) -> Result<()> {
    let there: bool = row.try_get("there")?;
    there.then_some(()).ok_or_else(|| Error::Refused {
        code,
        detail: format!("`{field}` is the id of nothing of its kind: check it"),
    })
}

const LOCK: &str = "
    -- context::lock
    select e.owner as of, context_body(e) as body
    from context_entries e
    where e.layer = $1 and e.owner = $2 and e.name = $3 and e.deleted_at is null
    for update";

pub async fn lock(tx: &Tx<'_>, place: Place, name: &str) -> Result<Option<Entry>> {
    let row = tx.opt(LOCK, &[&place.layer.as_str(), &place.owner, &name]).await?;
    row.as_ref().map(|row| json(row, "body")).transpose()
}

// Two who put a new name at once: the second changes what the first has made.
const PUT: &str = "
    -- context::put
    insert into context_entries as e
        (id, layer, owner, name, kind, value, schema, load, language, provenance, expires_at, written_by)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    on conflict (tenant_id, layer, owner, name) where deleted_at is null do update
    set kind = excluded.kind, value = excluded.value, schema = coalesce(excluded.schema, e.schema),
        load = excluded.load, language = excluded.language, provenance = excluded.provenance,
        expires_at = excluded.expires_at, written_by = excluded.written_by,
        version = e.version + 1, updated_at = now()
    returning e.owner as of, context_body(e) as body";

pub async fn put(
    tx: &Tx<'_>,
    caller: &Caller,
    id: Uuid,
    place: Place,
    new: &NewEntry,
) -> Result<Entry> {
    let provenance =
        Provenance { from: Author::Person, source: new.source.clone().unwrap_or_default() };
    let (load, provenance) = (value(&new.load)?, value(&provenance)?);
    let language = new.language.as_deref().unwrap_or("en");
    let params: [&dyn Param; 12] = [
        &id,
        &place.layer.as_str(),
        &place.owner,
        &new.name,
        &new.kind.as_str(),
        &new.value,
        &new.schema,
        &load,
        &language,
        &provenance,
        &new.expires_at,
        &caller.user,
    ];
    json(&tx.one(PUT, &params).await?, "body")
}

const LIST: &str = "
    -- context::list
    select context_body(e) as body
    from context_entries e
    where e.layer = $3 and e.owner = $4 and e.deleted_at is null and ($1::uuid is null or e.id < $1)
    order by e.id desc
    limit $2";

pub async fn list(tx: &Tx<'_>, place: Place, window: Window<Uuid>) -> Result<Vec<Entry>> {
    let rows = window.rows();
    let rows = tx.all(LIST, &[&window.after, &rows, &place.layer.as_str(), &place.owner]).await?;
    rows.iter().map(|row| json(row, "body")).collect()
}

const SEARCH: &str = "
    -- context::search
    select context_body(e) as body
    from context_search($1, (select coalesce(array_agg(id), '{}') from context_entries
                             where layer = $2 and owner = $3 and deleted_at is null), $4, $5) s
    join context_entries e on e.id = s.id
    order by s.score desc, s.id";

pub async fn search(
    tx: &Tx<'_>,
    tenant: Uuid,
    place: Place,
    question: &str,
    window: Window<Uuid>,
) -> Result<Vec<Entry>> {
    let most = i32::try_from(window.rows() - 1).unwrap_or(i32::MAX);
    let params: [&dyn Param; 5] = [&tenant, &place.layer.as_str(), &place.owner, &question, &most];
    tx.all(SEARCH, &params).await?.iter().map(|row| json(row, "body")).collect()
}

const BY_ID: &str = "
    -- context::by_id
    select e.owner as of, context_body(e) as body
    from context_entries e
    where e.id = $1 and e.deleted_at is null";

pub async fn by_id(tx: &Tx<'_>, id: Uuid) -> Result<(Place, Entry)> {
    let row = tx.opt(BY_ID, &[&id]).await?.ok_or(Error::NotFound)?;
    let entry: Entry = json(&row, "body")?;
    Ok((Place { layer: entry.layer, owner: row.try_get("of")? }, entry))
}

const DELETE: &str = "
    -- context::delete
    update context_entries
    set value = 'null', schema = null, deleted_at = now(), version = version + 1
    where id = $1";

pub async fn delete(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(DELETE, &[&id]).await.map(drop)
}

const GRANTS: &str = "
    -- context::grants
    select id, layer, owner, name, reader, reader_id, granted_by, created_at
    from context_grants
    where revoked_at is null and ($1::uuid is null or id < $1)
      and (layer <> 'user' or owner = $3) and ($4::uuid is null or id = $4)
    order by id desc
    limit $2";

/// Of others' own layers nobody learns who sees them.
pub async fn grants(tx: &Tx<'_>, caller: &Caller, window: Window<Uuid>) -> Result<Vec<Grant>> {
    let params: [&dyn Param; 4] = [&window.after, &window.rows(), &caller.user, &None::<Uuid>];
    tx.all(GRANTS, &params).await?.iter().map(grant).collect()
}

const LOCK_GRANT: &str = "
    -- context::lock_grant
    select id, layer, owner, name, reader, reader_id, granted_by, created_at
    from context_grants
    where id = $1 and revoked_at is null
    for update";

pub async fn lock_grant(tx: &Tx<'_>, id: Uuid) -> Result<Grant> {
    grant(&tx.opt(LOCK_GRANT, &[&id]).await?.ok_or(Error::NotFound)?)
}

// A grant that is there is given again as it is.
const INSERT_GRANT: &str = "
    -- context::insert_grant
    insert into context_grants as g (id, layer, owner, name, reader, reader_id, granted_by)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (tenant_id, reader, reader_id, layer, owner, name) where revoked_at is null
    do update set name = g.name
    returning id, layer, owner, name, reader, reader_id, granted_by, created_at";

pub async fn insert_grant(
    tx: &Tx<'_>,
    caller: &Caller,
    id: Uuid,
    place: Place,
    new: &NewGrant,
) -> Result<Grant> {
    let name = new.name.as_deref().unwrap_or_default();
    let params: [&dyn Param; 7] = [
        &id,
        &place.layer.as_str(),
        &place.owner,
        &name,
        &new.reader.as_str(),
        &new.reader_id,
        &caller.user,
    ];
    grant(&tx.one(INSERT_GRANT, &params).await?)
}

const REVOKE: &str = "
    -- context::revoke
    update context_grants set revoked_at = now() where id = $1";

pub async fn revoke(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.run(REVOKE, &[&id]).await.map(drop)
}

const OF_TURN: &str = "
    -- context::of_turn
    select * from context_of_turn($1, $2, $3, $4, $5, $6)";

/// What a turn's speaker may see.
#[derive(Debug)]
pub struct Seen {
    pub heads: Vec<Head>,
    /// The slug of its workflow.
    pub workflow: String,
    /// When that was so, by the record's clock.
    pub at: Option<Timestamp>,
}

pub async fn of_turn(
    db: &Db,
    tenant: Uuid,
    (run, conversation, agent): (Uuid, Uuid, Uuid),
    known: &Known,
) -> Result<Seen> {
    let (ids, versions) = known.columns();
    let params: [&dyn Param; 5] = [&run, &conversation, &agent, &ids, &versions];
    let rows = db.call(tenant, OF_TURN, &params).await?;
    let first = rows.first();
    let workflow: Option<String> = first.map(|row| row.try_get("workflow")).transpose()?;
    Ok(Seen {
        heads: rows.iter().map(head).collect::<Result<_>>()?,
        workflow: workflow.unwrap_or_default(),
        at: first.map(|row| row.try_get("at")).transpose()?,
    })
}

fn head(row: &Row) -> Result<Head> {
    let body: Option<Value> = row.try_get("body")?;
    let body = body.map(serde_json::from_value).transpose();
    Ok(Head {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        granted: row.try_get("granted")?,
        body: body.map_err(|error| Error::Internal(error.into()))?,
    })
}

const OWN_NAMES: &str = "
    -- context::own_names
    select id, name from context_entries where id = any ($1) and layer = 'user' and owner = $2";

/// The names of a person's own entries among these.
pub async fn own_names(
    tx: &Tx<'_>,
    caller: &Caller,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, String>> {
    let rows = tx.all(OWN_NAMES, &[&ids, &caller.user]).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?))).collect()
}

const FIND: &str = "
    -- context::find
    select id from context_search($1, $2, $3, $4)";

/// The best answers to a text among these, best first.
pub async fn find(
    db: &Db,
    tenant: Uuid,
    among: Vec<Uuid>,
    text: &str,
    most: i32,
) -> Result<Vec<Uuid>> {
    let rows = db.call(tenant, FIND, &[&among, &text, &most]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

fn grant(row: &Row) -> Result<Grant> {
    let layer: String = row.try_get("layer")?;
    let (reader, name): (String, String) = (row.try_get("reader")?, row.try_get("name")?);
    let reader = Reader::parse(&reader);
    Ok(Grant {
        id: row.try_get("id")?,
        layer: Layer::parse(&layer)?,
        owner: row.try_get("owner")?,
        name: (!name.is_empty()).then_some(name),
        reader: reader.ok_or_else(|| Error::Internal(anyhow::anyhow!("no such reader")))?,
        reader_id: row.try_get("reader_id")?,
        granted_by: row.try_get("granted_by")?,
        created_at: row.try_get("created_at")?,
    })
}

fn value(of: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(of).map_err(|error| Error::Internal(error.into()))
}

fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    let value: Value = row.try_get(column)?;
    serde_json::from_value(value).map_err(|error| Error::Internal(error.into()))
}
