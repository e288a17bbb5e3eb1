//! One test binary: a module for each domain, and the rules of the house.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod runs_whole;
mod team;
