//! Imports: definitions that exist already, taken over as they are, with a report of what was lost.

pub mod bmad;
pub mod bundle;
pub mod convert;
pub mod create;
pub mod get;
pub mod list;
pub mod model;
pub mod queries;
pub mod record;
pub mod report;
pub mod store;
pub mod three_way;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
