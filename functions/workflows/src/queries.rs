//! Every SQL statement about workflows. The transaction sees one tenant only.

use agents::versioned::{Kept, definition};
use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{Definition, Workflow};

/// How workflows are kept; see [`agents::versioned`].
pub const KEPT: Kept = Kept {
    what: "workflow",
    insert: "
        -- workflows::insert
        insert into workflows (id, slug, draft)
        values ($1, $2, $3)",
    update: "
        -- workflows::update
        update workflows
        set draft = $2, revision = revision + 1, updated_at = now()
        where id = $1 and revision = $3",
    last_version: "
        -- workflows::last_version
        select w.draft, v.version, v.ordinal, v.digest, v.definition, v.published_at
        from workflows w
        left join lateral (
            select * from workflow_versions where workflow_id = w.id order by ordinal desc limit 1
        ) v on true
        where w.id = $1
        for update of w",
    publish: "
        -- workflows::publish
        insert into workflow_versions (workflow_id, version, ordinal, definition, digest, published_by)
        values ($1, $2, $3, $4, $5, $6)
        returning version, ordinal, digest, definition, published_at",
    imported: "
        -- workflows::imported
        select id, draft, imported from workflows where slug = $1 for update",
    import: "
        -- workflows::import
        update workflows
        set draft = $2, imported = $3, revision = revision + (draft <> $2)::int, updated_at = now()
        where id = $1",
};

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
