//! Access: roles as data, who has which, and API keys. Nobody hands out what they do not hold.

pub mod catalogue;
pub mod key_create;
pub mod key_revoke;
pub mod keys;
pub mod member_get;
pub mod member_remove;
pub mod member_roles;
pub mod members;
pub mod model;
pub mod queries;
pub mod role_create;
pub mod role_delete;
pub mod role_get;
pub mod role_update;
pub mod roles;
pub mod rules;
pub mod shut_out;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
