//! Agents: who they are, as data. A draft that changes, versions that do not, labels that move.

pub mod create;
pub mod diff;
pub mod get;
pub mod label;
pub mod list;
pub mod model;
pub mod publish;
pub mod queries;
pub mod update;
pub mod version;
pub mod versioned;
pub mod versions;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
