//! Every SQL statement about agents. The transaction sees one tenant only.

use serde_json::Value;
use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{Agent, Definition};
use crate::versioned::{Kept, Published, definition, published};

/// How agents are kept; see [`crate::versioned`].
pub const KEPT: Kept = Kept {
    what: "agent",
    insert: "
        -- agents::insert
        insert into agents (id, slug, draft)
        values ($1, $2, $3)",
    update: "
        -- agents::update
        update agents
        set draft = $2, revision = revision + 1, updated_at = now()
        where id = $1 and revision = $3",
    last_version: "
        -- agents::last_version
        select a.draft, v.version, v.ordinal, v.digest, v.definition, v.published_at
        from agents a
        left join lateral (
            select * from agent_versions where agent_id = a.id order by ordinal desc limit 1
        ) v on true
        where a.id = $1
        for update of a",
    publish: "
        -- agents::publish
        insert into agent_versions (agent_id, version, ordinal, definition, digest, published_by)
        values ($1, $2, $3, $4, $5, $6)
        returning version, ordinal, digest, definition, published_at",
    imported: "
        -- agents::imported
        select id, draft, imported from agents where slug = $1 for update",
    import: "
        -- agents::import
        update agents
        set draft = $2, imported = $3, revision = revision + (draft <> $2)::int, updated_at = now()
        where id = $1",
};

const LIST: &str = "
    -- agents::list
    select a.*, v.latest, l.labels
    from agents a
    left join lateral (
        select version as latest from agent_versions
        where agent_id = a.id order by ordinal desc limit 1
    ) v on true
    left join lateral (
        select jsonb_object_agg(label, version) as labels from agent_labels where agent_id = a.id
    ) l on true
    where ($1::uuid is null or a.id < $1) and ($3::uuid is null or a.id = $3)
      and ($4::text is null or a.slug = $4)
    order by a.id desc
    limit $2";

pub async fn list(tx: &Tx<'_>, window: Window<Uuid>, slug: Option<&str>) -> Result<Vec<Agent>> {
    let rows = tx.all(LIST, &[&window.after, &window.rows(), &None::<Uuid>, &slug]).await?;
    rows.iter().map(agent).collect()
}

pub async fn by_id(tx: &Tx<'_>, id: Uuid) -> Result<Agent> {
    let row = tx.opt(LIST, &[&None::<Uuid>, &1_i64, &Some(id), &None::<&str>]).await?;
    row.as_ref().map(agent).transpose()?.ok_or(Error::NotFound)
}

pub async fn by_slug(tx: &Tx<'_>, slug: &str) -> Result<Option<Agent>> {
    let row = tx.opt(LIST, &[&None::<Uuid>, &1_i64, &None::<Uuid>, &Some(slug)]).await?;
    row.as_ref().map(agent).transpose()
}

const VERSIONS: &str = "
    -- agents::versions
    select version, ordinal, digest, definition, published_at
    from agent_versions
    where agent_id = $1 and ($2::bigint is null or ordinal < $2)
    order by ordinal desc
    limit $3";

pub async fn versions(
    tx: &Tx<'_>,
    id: Uuid,
    window: Window<i64>,
) -> Result<Vec<Published<Definition>>> {
    let rows = tx.all(VERSIONS, &[&id, &window.after, &window.rows()]).await?;
    rows.iter().map(published).collect()
}

const VERSION: &str = "
    -- agents::version
    select version, ordinal, digest, definition, published_at
    from agent_versions
    where agent_id = $1 and version = $2";

pub async fn one_version(tx: &Tx<'_>, id: Uuid, name: &str) -> Result<Published<Definition>> {
    let row = tx.opt(VERSION, &[&id, &name]).await?.ok_or(Error::NotFound)?;
    published(&row)
}

const MOVE_LABEL: &str = "
    -- agents::move_label
    insert into agent_labels (agent_id, label, version)
    values ($1, $2, $3)
    on conflict (tenant_id, agent_id, label) do update set version = $3, moved_at = now()";

pub async fn move_label(tx: &Tx<'_>, id: Uuid, label: &str, version: &str) -> Result<()> {
    tx.run(MOVE_LABEL, &[&id, &label, &version]).await.map(drop)
}

// `slug`, `slug@1.2.0` or `slug@prod`: the newest version, that version, or where the label points.
const RESOLVE: &str = "
    -- agents::resolve
    select w.reference, a.id, v.version, v.definition
    from unnest($1::text[]) as w(reference)
    join agents a on a.slug = split_part(w.reference, '@', 1)
    left join agent_labels l
        on l.agent_id = a.id and l.label = split_part(w.reference, '@', 2)
    join lateral (
        select version, definition from agent_versions
        where agent_id = a.id and (split_part(w.reference, '@', 2) = ''
            or version = coalesce(l.version, split_part(w.reference, '@', 2)))
        order by ordinal desc limit 1
    ) v on true";

/// A reference, and the version it stands for now.
#[derive(Debug)]
pub struct Pinned {
    pub reference: String,
    pub id: Uuid,
    pub version: String,
    pub definition: Value,
}

/// Those of `references` that lead to a published version; the caller names the missing.
pub async fn resolve(tx: &Tx<'_>, references: Vec<String>) -> Result<Vec<Pinned>> {
    let rows = tx.all(RESOLVE, &[&references]).await?;
    rows.iter()
        .map(|row| {
            Ok(Pinned {
                reference: row.try_get("reference")?,
                id: row.try_get("id")?,
                version: row.try_get("version")?,
                definition: row.try_get("definition")?,
            })
        })
        .collect()
}

fn agent(row: &Row) -> Result<Agent> {
    let labels: Option<Value> = row.try_get("labels")?;
    Ok(Agent {
        id: row.try_get("id")?,
        slug: row.try_get("slug")?,
        draft: definition(row.try_get("draft")?)?,
        revision: row.try_get("revision")?,
        latest: row.try_get("latest")?,
        labels: labels.and_then(|l| l.as_object().cloned()).unwrap_or_default(),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
