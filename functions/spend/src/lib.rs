//! Spend: money and tokens, held before a call begins and settled after it; caps that calls side by
//! side cannot pass; switches that stop them.

pub mod account;
pub mod cap;
pub mod dead;
pub mod items;
pub mod lease;
pub mod model;
pub mod queries;
pub mod report;
mod seen;
pub mod store;
pub mod switch;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
