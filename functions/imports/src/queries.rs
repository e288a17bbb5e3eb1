//! Every SQL statement about imports. The transaction sees one tenant only.

use serde_json::Value;
use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{Attachment, Source};
use crate::record::{ImportRecord, Outcome};

const INSERT: &str = "
    -- imports::insert
    insert into imports (id, digest, source, report)
    values ($1, $2, $3, $4)";

pub async fn insert(
    tx: &Tx<'_>,
    id: Uuid,
    digest: &str,
    source: &Source,
    outcome: &Outcome,
) -> Result<()> {
    tx.run(INSERT, &[&id, &digest, &json(source)?, &json(outcome)?]).await.map(drop)
}

const ATTACH: &str = "
    -- imports::attach
    insert into import_attachments (import_id, path, kind, digest, bytes, content)
    values ($1, $2, $3, $4, $5, $6)";

pub async fn attach(tx: &Tx<'_>, id: Uuid, file: &Attachment, content: &[u8]) -> Result<()> {
    let kind = json(&file.kind)?;
    let kind = kind.as_str().unwrap_or("other");
    let bytes = i32::try_from(content.len()).map_err(|e| Error::Internal(e.into()))?;
    let place = (&id, file.path.as_str(), file.sha256.as_str());
    tx.run(ATTACH, &[place.0, &place.1, &kind, &place.2, &bytes, &content]).await.map(drop)
}

const ROOM: &str = "
    -- imports::room
    insert into rooms (slug, definition, digest)
    values ($1, $2, $3)
    on conflict (tenant_id, slug) do update
    set definition = excluded.definition, digest = excluded.digest, updated_at = now()
    where rooms.digest <> excluded.digest";

pub async fn room(tx: &Tx<'_>, slug: &str, definition: &Value) -> Result<()> {
    let digest = shared::digest::of(definition)?;
    tx.run(ROOM, &[&slug, definition, &digest]).await.map(drop)
}

const LIST: &str = "
    -- imports::list
    select id, digest, source, report, created_at
    from imports
    where ($1::uuid is null or id < $1) and ($3::uuid is null or id = $3)
      and ($4::text is null or digest = $4)
    order by id desc
    limit $2";

pub async fn list(tx: &Tx<'_>, window: Window<Uuid>) -> Result<Vec<ImportRecord>> {
    let none = (&None::<Uuid>, &None::<&str>);
    let rows = tx.all(LIST, &[&window.after, &window.rows(), none.0, none.1]).await?;
    rows.iter().map(record).collect()
}

pub async fn by_id(tx: &Tx<'_>, id: Uuid) -> Result<ImportRecord> {
    let row = tx.opt(LIST, &[&None::<Uuid>, &1_i64, &Some(id), &None::<&str>]).await?;
    row.as_ref().map(record).transpose()?.ok_or(Error::NotFound)
}

pub async fn by_digest(tx: &Tx<'_>, digest: &str) -> Result<Option<ImportRecord>> {
    let row = tx.opt(LIST, &[&None::<Uuid>, &1_i64, &None::<Uuid>, &Some(digest)]).await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Row) -> Result<ImportRecord> {
    let read = |e| Error::Internal(anyhow::Error::new(e));
    Ok(ImportRecord {
        id: row.try_get("id")?,
        digest: row.try_get("digest")?,
        source: serde_json::from_value(row.try_get("source")?).map_err(read)?,
        outcome: serde_json::from_value(row.try_get("report")?).map_err(read)?,
        replayed: false,
        created_at: row.try_get("created_at")?,
    })
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::Internal(e.into()))
}
