//! One test binary: a module for each domain, and the rules of the house.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod crash;
mod definitions;
mod doors;
mod events;
mod house;
mod key;
mod openapi;
mod publishing;
mod record;
mod runs_whole;
mod schema;
mod source;

use tests::{team, world};
