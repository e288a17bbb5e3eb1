//! How a definition is kept, for agents and workflows alike: a draft that changes, versions that do
//! not, and what was imported last. The statements are each domain's own; what is done with them is
//! the same.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::db::Tx;
use shared::{Caller, Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::version::{NewVersion, Slug, Version};

/// One domain's statements; each says in its domain's `queries.rs` what it is given.
pub struct Kept {
    /// The first part of the audit trail's words: `agent.published`.
    pub what: &'static str,
    /// `$1` id, `$2` slug, `$3` draft.
    pub insert: &'static str,
    /// `$1` id, `$2` draft, `$3` the revision it is based on.
    pub update: &'static str,
    /// `$1` id: the draft, and the columns of the last version. Locks the definition, so that two
    /// publications come one after the other.
    pub last_version: &'static str,
    /// `$1` id, `$2` version, `$3` ordinal, `$4` definition, `$5` digest, `$6` user.
    pub publish: &'static str,
    /// `$1` slug: id, draft, imported. Locks it.
    pub imported: &'static str,
    /// `$1` id, `$2` draft, `$3` imported.
    pub import: &'static str,
}

/// A published version. It never changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Published{D}")]
pub struct Published<D> {
    pub version: Version,
    pub ordinal: i32,
    /// SHA-256 of the definition's JSON.
    pub digest: String,
    pub definition: D,
    pub published_at: Timestamp,
}

/// A definition that is about to be published.
pub struct Held<D> {
    pub id: Uuid,
    pub draft: D,
    pub last: Option<Published<D>>,
}

impl Kept {
    pub async fn insert<D: Serialize>(
        &self,
        tx: &Tx<'_>,
        id: Uuid,
        slug: &Slug,
        draft: &D,
    ) -> Result<()> {
        tx.run(self.insert, &[&id, &slug.as_str(), &json(draft)?]).await.map(drop)
    }

    /// Refuses when somebody else changed the draft since `revision`.
    pub async fn update<D: Serialize>(
        &self,
        tx: &Tx<'_>,
        id: Uuid,
        draft: &D,
        (revision, now): (i32, i32),
    ) -> Result<()> {
        if tx.run(self.update, &[&id, &json(draft)?, &revision]).await? == 0 {
            let what = format!("the draft is at revision {now}, not {revision}");
            return Err(Error::Conflict(format!("{what}: read it again and repeat your change")));
        }
        Ok(())
    }

    /// The draft and its last version, with the definition locked until the transaction ends.
    pub async fn hold<D: DeserializeOwned>(&self, tx: &Tx<'_>, id: Uuid) -> Result<Held<D>> {
        let row = tx.opt(self.last_version, &[&id]).await?.ok_or(Error::NotFound)?;
        let last = match row.try_get::<_, Option<i32>>("ordinal")? {
            Some(_) => Some(published(&row)?),
            None => None,
        };
        Ok(Held { id, draft: definition(row.try_get("draft")?)?, last })
    }

    /// Publishes the draft as the next version, unless it equals the last.
    pub async fn publish<D>(
        &self,
        tx: &Tx<'_>,
        caller: &Caller,
        held: Held<D>,
        new: &NewVersion,
    ) -> Result<Published<D>>
    where
        D: Serialize + DeserializeOwned + PartialEq,
    {
        let Held { id, draft, last } = held;
        if last.as_ref().is_some_and(|last| last.definition == draft) {
            let nothing = "the draft equals the newest version: there is nothing to publish";
            return Err(Error::Conflict(nothing.into()));
        }
        let version = new.after(last.as_ref().map(|last| &last.version))?.to_string();
        let ordinal = last.map_or(1, |last| last.ordinal + 1);
        shared::audit::record(tx, caller, &format!("{}.published", self.what), id).await?;
        let (definition, digest) = (json(&draft)?, shared::digest::of(&draft)?);
        let row = tx
            .one(self.publish, &[&id, &version, &ordinal, &definition, &digest, &caller.user])
            .await?;
        published(&row)
    }

    /// What an import must know of the one of this name: its id, its draft, what was imported last.
    pub async fn imported(
        &self,
        tx: &Tx<'_>,
        slug: &str,
    ) -> Result<Option<(Uuid, Value, Option<Value>)>> {
        let Some(row) = tx.opt(self.imported, &[&slug]).await? else { return Ok(None) };
        Ok(Some((row.try_get("id")?, row.try_get("draft")?, row.try_get("imported")?)))
    }

    pub async fn import(
        &self,
        tx: &Tx<'_>,
        id: Uuid,
        (draft, imported): (&Value, &Value),
    ) -> Result<()> {
        tx.run(self.import, &[&id, draft, imported]).await.map(drop)
    }
}

pub fn published<D: DeserializeOwned>(row: &Row) -> Result<Published<D>> {
    Ok(Published {
        version: row.try_get::<_, String>("version")?.try_into()?,
        ordinal: row.try_get("ordinal")?,
        digest: row.try_get("digest")?,
        definition: definition(row.try_get("definition")?)?,
        published_at: row.try_get("published_at")?,
    })
}

pub fn definition<D: DeserializeOwned>(json: Value) -> Result<D> {
    serde_json::from_value(json).map_err(|e| Error::Internal(e.into()))
}

fn json<D: Serialize>(definition: &D) -> Result<Value> {
    serde_json::to_value(definition).map_err(|e| Error::Internal(e.into()))
}
