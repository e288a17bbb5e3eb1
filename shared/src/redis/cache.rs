//! Copies of what the record says, which may be gone at any moment and are never wrong for longer
//! than their life.
//!
//! A copy carries the generation that was current before it was read from the record. Whoever
//! changes the record bumps the generation after the commit, and no copy of an older one is given
//! out again: also not one that a slow reader puts there afterwards. Generations are drawn, not
//! counted, so that one that was lost never comes back.

use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use uuid::Uuid;

use super::{Gone, Key, Redis, Scope, Script};
use crate::Result;

/// A kind of copies, and how long one is good.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub life: Duration,
}

/// How long a copy may be out of date when the bump was lost, at the very most.
pub const LONGEST_LIFE: Duration = Duration::from_mins(10);
/// The loader has this long before somebody else loads too.
const LOADING: Duration = Duration::from_secs(2);
/// Between two looks of those who wait for the loader.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// A generation lives longer than any copy that names it.
const GENERATION: Duration = Duration::from_mins(20);

// What is there, if it is of the current generation: 1, generation, copy. Else who loads: 2 and
// the generation for the one who does, 3 for those who wait.
static LOOK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local generation = redis.call('GET', KEYS[1])
         if not generation then
             generation = ARGV[1]
             redis.call('SET', KEYS[1], generation, 'PX', ARGV[2])
         end
         local copy = redis.call('GET', KEYS[2])
         if copy and string.sub(copy, 1, #generation) == generation then
             return {1, generation, string.sub(copy, #generation + 1)}
         end
         if redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[3]) then
             return {2, generation, ''}
         end
         return {3, generation, ''}",
    )
});

// Puts a copy there and ends the loading.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
         redis.call('DEL', KEYS[2])
         return 1",
    )
});

impl Redis {
    /// The copy, or what `load` finds, which is begun only then: `None` is kept too, so that what is not there is not looked
    /// for again and again. Of many who miss it at once, in whatever process, one loads.
    pub async fn cached<T: Serialize + DeserializeOwned>(
        &self,
        scope: &Scope,
        kind: Kind,
        parts: &[&str],
        load: impl Future<Output = Result<Option<T>>>,
    ) -> Result<Option<T>> {
        let place = Place::new(scope, kind, parts);
        let generation = match self.look(&place).await {
            Ok(Found::Copy(copy)) => {
                // A copy that an older version of us left in another form is none.
                if let Ok(value) = serde_json::from_slice(&copy) {
                    return Ok(value);
                }
                None
            }
            Ok(Found::Load(generation)) => Some(generation),
            Err(Gone) => None,
        };
        let value = load.await?;
        if let Some(generation) = generation {
            let copy = serde_json::to_vec(&value).map_err(anyhow::Error::from)?;
            // If it cannot be put there it is loaded again.
            let _ = self.put(&place, &generation, &copy, life(kind)).await;
        }
        Ok(value)
    }

    /// After the commit of a change: no copy of this kind with this first part is given out again.
    pub async fn bump(
        &self,
        scope: &Scope,
        kind: Kind,
        parts: &[&str],
    ) -> std::result::Result<(), Gone> {
        let place = Place::new(scope, kind, parts);
        self.set(&place.generation, draw().as_bytes(), GENERATION).await
    }

    async fn look(&self, place: &Place) -> std::result::Result<Found, Gone> {
        let (drawn, life) = (draw(), super::milliseconds(GENERATION).to_string());
        let loading = super::milliseconds(LOADING).to_string();
        let keys = [&place.generation, &place.copy, &place.loading];
        let arguments = [drawn.as_bytes(), life.as_bytes(), loading.as_bytes()];
        let mut waited = Duration::ZERO;
        loop {
            let (what, generation, copy): (u8, String, Vec<u8>) =
                self.run(&LOOK, &keys, &arguments).await?;
            match what {
                1 => return Ok(Found::Copy(copy)),
                3 if waited < LOADING => {}
                _ => return Ok(Found::Load(generation)),
            }
            sleep(LOOK_AGAIN).await;
            waited += LOOK_AGAIN;
        }
    }

    async fn put(
        &self,
        place: &Place,
        generation: &str,
        copy: &[u8],
        life: Duration,
    ) -> std::result::Result<(), Gone> {
        let life = super::milliseconds(life).to_string();
        let arguments = [generation.as_bytes(), copy, life.as_bytes()];
        self.run(&PUT, &[&place.copy, &place.loading], &arguments).await
    }
}

enum Found {
    Copy(Vec<u8>),
    Load(String),
}

struct Place {
    generation: Key,
    copy: Key,
    loading: Key,
}

impl Place {
    fn new(scope: &Scope, kind: Kind, parts: &[&str]) -> Self {
        let with = |what: &'static str| scope.key(what, &[&[kind.name], parts].concat());
        Self { generation: with("generation"), copy: with("copy"), loading: with("loading") }
    }
}

/// Never drawn before, and always of one length.
fn draw() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Up to a tenth less, so that what was put there together does not end together.
fn life(kind: Kind) -> Duration {
    let drawn = u32::from(Uuid::new_v4().as_bytes()[0]);
    let life = kind.life.min(LONGEST_LIFE);
    life.saturating_sub(life / 10 * drawn / 255)
}
