//! Provisioning: the issuer's directory and ours, kept in step; and what ends when somebody leaves.

pub mod deprovision;
pub mod drift;
pub mod events;
pub mod facts;
pub mod management;
pub mod model;
pub mod outbox;
pub mod push;
pub mod queries;
pub mod report;
pub mod settle;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
