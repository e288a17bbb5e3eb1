//! Entries that this process has read, by id and version. An entry's version never changes what it
//! says, so a copy is never wrong; which entries there are, and who may see them, is asked of the
//! record each time. So a grant that is revoked, or an entry that is deleted, is gone at once.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::model::Entry;

/// Names at most so many of what it has: a question's length is bounded.
const MOST_KNOWN: usize = 2_000;

/// What the record answers for one entry: its text only where it was not known.
#[derive(Clone, Debug)]
pub struct Head {
    pub id: Uuid,
    pub version: i32,
    pub granted: bool,
    pub body: Option<Entry>,
}

#[derive(Debug)]
pub struct Cache {
    most_bytes: usize,
    bytes: usize,
    clock: u64,
    kept: HashMap<(Uuid, Uuid), Kept>,
    looks: HashMap<Uuid, (u64, u64)>,
}

#[derive(Debug)]
struct Kept {
    entry: Arc<Entry>,
    bytes: usize,
    used: u64,
}

/// What is known of a tenant at one moment: what was asked about cannot go before the answer.
#[derive(Clone, Debug, Default)]
pub struct Known(HashMap<Uuid, Arc<Entry>>);

impl Known {
    /// Ids and versions, side by side.
    pub fn columns(&self) -> (Vec<Uuid>, Vec<i32>) {
        self.0.iter().map(|(id, entry)| (*id, entry.version)).unzip()
    }
}

impl Cache {
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, bytes: 0, clock: 0, kept: HashMap::new(), looks: HashMap::new() }
    }

    pub fn known(&self, tenant: Uuid) -> Known {
        let ours = self.kept.iter().filter(|((of, _), _)| *of == tenant);
        let mut ours: Vec<_> = ours.map(|((_, id), kept)| (kept.used, *id, &kept.entry)).collect();
        ours.sort_unstable_by_key(|(used, id, _)| (std::cmp::Reverse(*used), *id));
        let newest = ours.into_iter().take(MOST_KNOWN);
        Known(newest.map(|(_, id, entry)| (id, Arc::clone(entry))).collect())
    }

    /// The entries of an answer; what it brought is kept.
    pub fn fill(&mut self, tenant: Uuid, known: &Known, answer: Vec<Head>) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(answer.len());
        for Head { id, version, granted, body } in answer {
            self.clock += 1;
            let had = known.0.get(&id).filter(|entry| entry.version == version);
            let (hits, misses) = self.looks.entry(tenant).or_default();
            let entry = match (body, had) {
                (Some(entry), _) => {
                    *misses += 1;
                    self.keep(tenant, &entry);
                    entry
                }
                (None, Some(entry)) => {
                    *hits += 1;
                    if let Some(kept) = self.kept.get_mut(&(tenant, id)) {
                        kept.used = self.clock;
                    }
                    Entry::clone(entry)
                }
                // Nobody was asked for it.
                (None, None) => continue,
            };
            entries.push(Entry { granted, ..entry });
        }
        entries
    }

    fn keep(&mut self, tenant: Uuid, entry: &Entry) {
        let text = |value: &serde_json::Value| value.to_string().len();
        let bytes = 512 + text(&entry.value) + entry.schema.as_ref().map_or(0, text);
        if bytes > self.most_bytes {
            return;
        }
        let kept = Kept { entry: Arc::new(entry.clone()), bytes, used: self.clock };
        self.bytes += bytes;
        if let Some(before) = self.kept.insert((tenant, entry.id), kept) {
            self.bytes -= before.bytes;
        }
        while self.bytes > self.most_bytes {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| *key);
            let Some(gone) = oldest.and_then(|key| self.kept.remove(&key)) else { break };
            self.bytes -= gone.bytes;
        }
    }

    /// Of this tenant's entries: how many were not read anew, and how many were.
    pub fn looks(&self, tenant: Uuid) -> (u64, u64) {
        self.looks.get(&tenant).copied().unwrap_or_default()
    }
}
