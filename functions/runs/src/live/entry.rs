//! What a worker tells of its turn: the entries of a step's stream in Redis.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::redis::Key;
use shared::redis::stream::Kept;
use uuid::Uuid;

/// A stream holds one turn: the next one empties it. A call that lasts as long as it may, told as
/// often as it is, has half of these.
pub const KEPT: Kept = Kept { entries: 4_096, life: Duration::from_mins(15) };

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Entry {
    Began(Began),
    /// A piece of the answer, by where it begins in the text. Another call begins a text anew.
    Said {
        turn: i32,
        fence: i64,
        call: u32,
        offset: usize,
        text: String,
    },
    /// It is about to be on record: look there.
    Recording {
        turn: i32,
    },
}

/// A turn that was claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    pub turn: i32,
    /// Of two who tell of the same turn, whoever has the higher one is right.
    pub fence: i64,
    pub conversation_id: Uuid,
    pub speaker: String,
    pub reason: String,
}

pub fn key(tenant: Uuid, run: Uuid, step: &str) -> Key {
    Key::tenant(tenant).key("live", &[&run.to_string(), step])
}
