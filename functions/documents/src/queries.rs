//! Every SQL statement about documents. The transaction sees one tenant only.

use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{Document, DocumentWithContent};

const OF_RUN: &str = "
    -- documents::of_run
    select d.id, d.run_id, d.step_id, d.name, d.media_type, octet_length(d.content) as bytes,
           d.digest, d.created_at
    from runs r
    left join documents d on d.run_id = r.id and ($2::uuid is null or d.id > $2)
    where r.id = $1
    order by d.id
    limit $3";

/// In the order they were written; `NotFound` when there is no such run.
pub async fn of_run(tx: &Tx<'_>, run: Uuid, window: Window<Uuid>) -> Result<Vec<Document>> {
    let rows = tx.all(OF_RUN, &[&run, &window.after, &window.rows()]).await?;
    let first = rows.first().ok_or(Error::NotFound)?;
    if first.try_get::<_, Option<Uuid>>("id")?.is_none() {
        return Ok(Vec::new());
    }
    rows.iter().map(document).collect()
}

const BY_ID: &str = "
    -- documents::by_id
    select id, run_id, step_id, name, media_type, octet_length(content) as bytes, digest,
           created_at, content
    from documents
    where id = $1";

pub async fn by_id(tx: &Tx<'_>, id: Uuid) -> Result<DocumentWithContent> {
    let row = tx.opt(BY_ID, &[&id]).await?.ok_or(Error::NotFound)?;
    Ok(DocumentWithContent { document: document(&row)?, content: row.try_get("content")? })
}

fn document(row: &Row) -> Result<Document> {
    Ok(Document {
        id: row.try_get("id")?,
        run_id: row.try_get("run_id")?,
        step_id: row.try_get("step_id")?,
        name: row.try_get("name")?,
        media_type: row.try_get("media_type")?,
        bytes: row.try_get("bytes")?,
        digest: row.try_get("digest")?,
        created_at: row.try_get("created_at")?,
    })
}
