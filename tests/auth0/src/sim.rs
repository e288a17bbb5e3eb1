//! All that it knows, behind one lock: it is a stand-in, and order is worth more than speed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::Settings;
use crate::events::Events;
use crate::faults::Faults;
use crate::keys::Keys;
use crate::limits::Bucket;
use crate::oauth::Grants;
use crate::people;
use crate::world::World;

pub struct Sim {
    pub issuer: String,
    pub settings: Settings,
    pub(crate) keys: Mutex<Keys>,
    world: Mutex<World>,
    pub(crate) grants: Mutex<Grants>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) bucket: Mutex<Bucket>,
    pub events: Events,
}

impl Sim {
    pub(crate) fn new(issuer: String, settings: Settings) -> Result<Self> {
        Ok(Self {
            keys: Keys::open(settings.keys.as_deref())?.into(),
            world: people::world(&settings).into(),
            grants: Grants::default().into(),
            faults: Faults::default().into(),
            bucket: Bucket::new(settings.rate).into(),
            events: Events::new(),
            issuer,
            settings,
        })
    }

    /// Users, organizations, roles and clients. What is changed here and not over HTTP sends no event.
    pub fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }
}

/// A test that failed while it held the lock must not fail the others.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// 256 random bits, as text.
pub(crate) fn secret() -> String {
    use base64::Engine;
    let mut bytes = [0; 32];
    // It fails only where the operating system has no entropy; then nothing else here works either.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
