//! What is read while it is written, and forgotten after a while: Redis Streams.
//!
//! Whoever writes goes over the connection that everybody shares. Whoever waits for more has one of
//! their own: on a shared one, everybody's questions would stand behind the waiting.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{FromRedisValue, Value, cmd};

use super::link::{self, Link};
use super::{Gone, Key, Redis, Script, is_gone, milliseconds, within};
use crate::config;

/// For a connection to be made, and for an answer beyond the time that was to be waited.
const PATIENCE: Duration = Duration::from_millis(900);
/// The longest wait for one answer: a connection gives up on its server after a second.
pub const LONGEST_WAIT: Duration = Duration::from_millis(600);
/// At a time.
const MOST_READ: usize = 1_000;

/// Emptied, not deleted, so that ids go on growing and nobody who reads along misses what follows.
static APPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] == '1' then redis.call('XTRIM', KEYS[1], 'MAXLEN', 0) end
         redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[4])
         return redis.call('PEXPIRE', KEYS[1], ARGV[3])",
    )
});

/// How much of a stream is kept, and for how long after its last entry.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    pub entries: usize,
    pub life: Duration,
}

/// A connection that waits.
pub struct Listener(Link);

/// Where somebody is in a stream.
#[derive(Clone, Debug)]
pub struct Mark {
    pub key: Key,
    after: String,
}

impl Mark {
    pub fn at_its_beginning(key: Key) -> Self {
        Self { key, after: "0".into() }
    }
}

impl Redis {
    /// Adds an entry; `anew` takes away what was there before.
    pub async fn append(&self, key: &Key, entry: &str, anew: bool, kept: Kept) -> Result<(), Gone> {
        let anew = if anew { "1" } else { "0" };
        let (most, life) = (kept.entries.to_string(), milliseconds(kept.life).to_string());
        let arguments = [anew, &most, &life, entry].map(str::as_bytes);
        self.run::<i64>(&APPEND, &[key], &arguments).await.map(drop)
    }

    pub async fn listener(&self) -> Result<Listener, Gone> {
        self.breaker.enter()?;
        let login = self.credentials.login().map_err(|error| link::refused(&error));
        let settings = config::Redis { patience: PATIENCE, ..self.settings.clone() };
        let made = match login {
            Ok(login) => within(PATIENCE, link::connect(settings, login)).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(link) => Ok(Listener(link)),
            Err(error) => {
                if self.breaker.open() {
                    tracing::warn!(%error, "Redis is gone: going on without it");
                }
                Err(Gone)
            }
        }
    }
}

impl Listener {
    /// What was added to these streams since, in their order, each with the number of its mark;
    /// waits for so long if nothing was. The marks are moved on. They must be of one tenant.
    pub async fn read(
        &mut self,
        marks: &mut [Mark],
        wait: Option<Duration>,
    ) -> Result<Vec<(usize, String)>, Gone> {
        type Read = Option<Vec<(String, Vec<(String, Vec<String>)>)>>;
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(MOST_READ);
        if let Some(wait) = wait {
            read.arg("BLOCK").arg(milliseconds(wait.min(LONGEST_WAIT)));
        }
        read.arg("STREAMS");
        for mark in &*marks {
            read.arg(mark.key.as_str());
        }
        for mark in &*marks {
            read.arg(&mark.after);
        }
        let answer = within(PATIENCE, self.0.send(&read)).await;
        let answer = answer.map_err(|error| {
            if !is_gone(&error) {
                tracing::error!(%error, "Redis refused to be read along");
            }
            Gone
        })?;
        let streams = match answer {
            Value::Nil => None,
            other => Read::from_redis_value(other).map_err(|_| Gone)?,
        };
        let mut found = Vec::new();
        for (name, entries) in streams.unwrap_or_default() {
            let Some(at) = marks.iter().position(|mark| mark.key.as_str() == name) else {
                continue;
            };
            for (id, fields) in entries {
                marks[at].after = id;
                found.extend(fields.into_iter().nth(1).map(|entry| (at, entry)));
            }
        }
        Ok(found)
    }
}
