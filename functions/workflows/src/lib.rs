//! Workflows: which agents work on what, in which order, alone or in a room. As data, versioned.

pub mod create;
pub mod get;
pub mod graph;
pub mod list;
pub mod model;
pub mod publish;
pub mod queries;
pub mod update;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
