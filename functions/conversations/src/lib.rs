//! Conversations: what was said in a run, by whom, why and on which context. Append-only; the
//! tasks of `runs` write it, together with everything else a turn leaves.

pub mod analytics;
pub mod list;
pub mod messages;
pub mod model;
pub mod queries;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
