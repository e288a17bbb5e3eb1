//! Chance that can be repeated: one number decides all.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Dice {
    pub seed: u64,
    state: Mutex<u64>,
}

impl Dice {
    pub fn seeded(seed: u64) -> Self {
        Self { seed, state: Mutex::new(seed) }
    }

    /// From `CRASH_SEED`, or a new one; whoever rolls prints it.
    pub fn new() -> Self {
        let given = std::env::var("CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Self::seeded(given.unwrap_or_else(|| u64::try_from(now()).unwrap_or_default()))
    }

    /// Splitmix64.
    pub fn roll(&self) -> u64 {
        let mut state = self.state.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 1 to `most`, both included.
    pub fn up_to(&self, most: u32) -> u32 {
        let most = u64::from(most.max(1));
        u32::try_from(self.roll() % most + 1).unwrap_or(1)
    }

    pub fn percent(&self, share: u32) -> bool {
        self.up_to(100) <= share
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
