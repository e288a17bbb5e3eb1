//! The platform itself: is it well, what can it do, is its database up to date.

pub mod health;
pub mod migrate;
pub mod openapi;
pub mod queries;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
