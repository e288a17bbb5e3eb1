//! Every SQL statement about workflows. The transaction sees one tenant only.

use agents::version::{Slug, Version};
use serde_json::Value;
use shared::db::Tx;
use shared::page::Window;
use shared::{Caller, Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{Definition, PublishedVersion, Workflow};

const INSERT: &str = "
    -- workflows::insert
    insert into workflows (id, slug, draft)
    values ($1, $2, $3)";

pub async fn insert(tx: &Tx<'_>, id: Uuid, slug: &Slug, draft: &Definition) -> Result<()> {
    tx.run(INSERT, &[&id, &slug.as_str(), &json(draft)?]).await.map(drop)
}

const LIST: &str = "
    -- workflows::list
    select w.*, v.latest
    from workflows w
    left join lateral (
        select version as latest from workflow_versions
        where workflow_id = w.id order by ordinal desc limit 1
    ) v on true
    where ($1::uuid is null or w.id < $1) and ($3::uuid is null or w.id = $3)
      and ($4::text is null or w.slug = $4)
    order by w.id desc
    limit $2";

pub async fn list(tx: &Tx<'_>, window: Window<Uuid>, slug: Option<&str>) -> Result<Vec<Workflow>> {
    let rows = tx.all(LIST, &[&window.after, &window.rows(), &None::<Uuid>, &slug]).await?;
    rows.iter().map(workflow).collect()
}

pub async fn by_id(tx: &Tx<'_>, id: Uuid) -> Result<Workflow> {
    let row = tx.opt(LIST, &[&None::<Uuid>, &1_i64, &Some(id), &None::<&str>]).await?;
    row.as_ref().map(workflow).transpose()?.ok_or(Error::NotFound)
}

pub async fn by_slug(tx: &Tx<'_>, slug: &str) -> Result<Option<Workflow>> {
    let row = tx.opt(LIST, &[&None::<Uuid>, &1_i64, &None::<Uuid>, &Some(slug)]).await?;
    row.as_ref().map(workflow).transpose()
}

const UPDATE: &str = "
    -- workflows::update
    update workflows
    set draft = $2, revision = revision + 1, updated_at = now()
    where id = $1 and revision = $3";

/// False when somebody else changed it since `revision`.
pub async fn update(tx: &Tx<'_>, id: Uuid, draft: &Definition, revision: i32) -> Result<bool> {
    Ok(tx.run(UPDATE, &[&id, &json(draft)?, &revision]).await? == 1)
}

const IMPORTED: &str = "
    -- workflows::imported
    select id, draft, imported, revision from workflows where slug = $1 for update";

/// What an import must know of the one of this name: its id, its draft, and what was imported last.
pub async fn imported(tx: &Tx<'_>, slug: &str) -> Result<Option<(Uuid, Value, Option<Value>)>> {
    let Some(row) = tx.opt(IMPORTED, &[&slug]).await? else { return Ok(None) };
    Ok(Some((row.try_get("id")?, row.try_get("draft")?, row.try_get("imported")?)))
}

const IMPORT: &str = "
    -- workflows::import
    update workflows
    set draft = $2, imported = $3, revision = revision + (draft <> $2)::int, updated_at = now()
    where id = $1";

pub async fn import(tx: &Tx<'_>, id: Uuid, draft: &Value, imported: &Value) -> Result<()> {
    tx.run(IMPORT, &[&id, draft, imported]).await.map(drop)
}

// Locks the workflow, so that two publications come one after the other.
const LAST_VERSION: &str = "
    -- workflows::last_version
    select v.version, v.ordinal, v.digest, v.definition, v.published_at
    from workflows w
    left join lateral (
        select * from workflow_versions where workflow_id = w.id order by ordinal desc limit 1
    ) v on true
    where w.id = $1
    for update of w";

pub async fn last_version(tx: &Tx<'_>, id: Uuid) -> Result<Option<PublishedVersion>> {
    let row = tx.opt(LAST_VERSION, &[&id]).await?.ok_or(Error::NotFound)?;
    match row.try_get::<_, Option<i32>>("ordinal")? {
        Some(_) => Ok(Some(version(&row)?)),
        None => Ok(None),
    }
}

const PUBLISH: &str = "
    -- workflows::publish
    insert into workflow_versions (workflow_id, version, ordinal, definition, digest, published_by)
    values ($1, $2, $3, $4, $5, $6)
    returning version, ordinal, digest, definition, published_at";

pub async fn publish(
    tx: &Tx<'_>,
    caller: &Caller,
    id: Uuid,
    (new, ordinal): (&Version, i32),
    definition: &Definition,
) -> Result<PublishedVersion> {
    let digest = shared::digest::of(definition)?;
    let name = new.to_string();
    let row =
        tx.one(PUBLISH, &[&id, &name, &ordinal, &json(definition)?, &digest, &caller.user]).await?;
    version(&row)
}

const VERSION: &str = "
    -- workflows::version
    select w.id, v.version, v.definition
    from workflows w
    join lateral (
        select version, definition from workflow_versions
        where workflow_id = w.id and ($2::text is null or version = $2)
        order by ordinal desc limit 1
    ) v on true
    where w.slug = coalesce((select target from workflow_aliases where slug = $1), $1)";

/// The version that runs under this name: the newest, or the one asked for.
pub async fn runnable(
    tx: &Tx<'_>,
    slug: &str,
    asked: Option<&str>,
) -> Result<Option<(Uuid, String, Definition)>> {
    let Some(row) = tx.opt(VERSION, &[&slug, &asked]).await? else { return Ok(None) };
    let definition = definition(row.try_get("definition")?)?;
    Ok(Some((row.try_get("id")?, row.try_get("version")?, definition)))
}

const SKILLS: &str = "
    -- workflows::skills
    select asked.slug, w.draft->>'body' as body
    from unnest($1::text[]) as asked(slug)
    join workflows w
        on w.slug = coalesce((select target from workflow_aliases a where a.slug = asked.slug), asked.slug)";

/// The instructions of each of these workflows; those that are not there are left out.
pub async fn skills(tx: &Tx<'_>, slugs: Vec<String>) -> Result<Vec<(String, String)>> {
    let rows = tx.all(SKILLS, &[&slugs]).await?;
    let body = |row: &Row| row.try_get::<_, Option<String>>("body").map(Option::unwrap_or_default);
    rows.iter().map(|row| Ok((row.try_get("slug")?, body(row)?))).collect()
}

const ALIAS: &str = "
    -- workflows::alias
    insert into workflow_aliases (slug, target)
    values ($1, $2)
    on conflict (tenant_id, slug) do update set target = $2";

pub async fn alias(tx: &Tx<'_>, slug: &str, target: &str) -> Result<()> {
    tx.run(ALIAS, &[&slug, &target]).await.map(drop)
}

fn workflow(row: &Row) -> Result<Workflow> {
    Ok(Workflow {
        id: row.try_get("id")?,
        slug: row.try_get("slug")?,
        draft: definition(row.try_get("draft")?)?,
        revision: row.try_get("revision")?,
        latest: row.try_get("latest")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn version(row: &Row) -> Result<PublishedVersion> {
    Ok(PublishedVersion {
        version: row.try_get::<_, String>("version")?.try_into()?,
        ordinal: row.try_get("ordinal")?,
        digest: row.try_get("digest")?,
        definition: definition(row.try_get("definition")?)?,
        published_at: row.try_get("published_at")?,
    })
}

fn definition(json: Value) -> Result<Definition> {
    serde_json::from_value(json).map_err(|e| Error::Internal(e.into()))
}

fn json(definition: &Definition) -> Result<Value> {
    serde_json::to_value(definition).map_err(|e| Error::Internal(e.into()))
}
