//! Context: what an agent is told besides its task, from where, and what was left out.
//!
//! The core is pure: entries resolve by layer ([`layers`]), those for this turn are chosen
//! ([`select`], [`fuse`]) and written within a budget ([`assemble`]), a history is made to fit
//! ([`compact`]), and all of it is accounted for ([`explain`]). A turn asks [`read`] for what it may
//! be told; routes put, list and share entries.

pub mod assemble;
pub mod cache;
pub mod check;
pub mod compact;
pub mod cut;
pub mod delete;
pub mod explain;
pub mod fuse;
pub mod get;
pub mod grant;
pub mod grants;
pub mod layers;
pub mod list;
pub mod marks;
pub mod model;
pub mod place;
pub mod put;
pub mod queries;
pub mod read;
pub mod revoke;
pub mod select;
pub mod share;
pub mod tokens;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
