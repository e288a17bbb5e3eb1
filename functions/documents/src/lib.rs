//! Documents: what comes out of a run. The tasks of `runs` write them, with the turn that made them.

pub mod get;
pub mod list;
pub mod model;
pub mod queries;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
