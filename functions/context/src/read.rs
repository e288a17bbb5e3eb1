//! What a turn's prompt is told, read from the record: one call, and another when entries are to be
//! found by what the turn is about.

use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::Timestamp;
use shared::db::Db;
use shared::{Error, Result};
use uuid::Uuid;

use crate::cache::Cache;
use crate::model::{Entry, Load};
use crate::queries;

/// Bytes of entries that a sandbox keeps.
const KEPT: usize = 8 * 1024 * 1024;
/// Entries that a search puts forward.
const FOUND: i32 = 12;
/// Bytes of what a turn is about that are searched for.
const LONGEST: usize = 4_000;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(|| Mutex::new(Cache::new(KEPT)));

/// The product's own entries: the layer `global`.
static GLOBAL: LazyLock<serde_json::Result<Vec<Entry>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../global.json")));

/// What may be told, and what a search put forward.
#[derive(Debug, Default)]
pub struct Told {
    pub entries: Vec<Entry>,
    /// The slug of the turn's workflow.
    pub workflow: String,
    pub found: Vec<Uuid>,
    /// When that was so, by the record's clock: what has expired by then is not told.
    pub at: Timestamp,
}

/// `about` is what a search looks for: the task and the brief.
pub async fn of_turn(
    db: &Db,
    tenant: Uuid,
    place: (Uuid, Uuid, Uuid),
    about: &str,
) -> Result<Told> {
    let known = cache().known(tenant);
    let queries::Seen { heads, workflow, at } = queries::of_turn(db, tenant, place, &known).await?;
    let mut entries = cache().fill(tenant, &known, heads);
    let by_query = entries.iter().filter(|entry| entry.load == Load::Query);
    let among: Vec<Uuid> = by_query.map(|entry| entry.id).collect();
    let found = if among.is_empty() {
        vec![]
    } else {
        let about = &about[..about.floor_char_boundary(LONGEST)];
        queries::find(db, tenant, among, about, FOUND).await?
    };
    let global =
        GLOBAL.as_ref().map_err(|e| Error::Internal(anyhow::anyhow!("global.json: {e}")))?;
    entries.extend(global.iter().cloned());
    Ok(Told { entries, workflow, found, at: at.unwrap_or(Timestamp::UNIX_EPOCH) })
}

/// Of the tenant's entries that prompts of this process asked for: how many were not read anew,
/// and how many were.
pub fn looks(tenant: Uuid) -> (u64, u64) {
    cache().looks(tenant)
}

fn cache() -> std::sync::MutexGuard<'static, Cache> {
    // Whoever panicked while holding it left a cache that is smaller, never wrong.
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}
