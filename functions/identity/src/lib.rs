//! Sign-in for people: a backend for frontends. The browser holds a session and nothing else; tokens
//! stay here. Also the account page, where people see and end their sessions.

pub mod account;
pub mod callback;
mod flow;
mod issuer;
pub mod login;
pub mod logout;
pub mod model;
mod page;
pub mod queries;
pub mod refresh;
pub mod revoke;
pub mod revoke_all;
mod seal;
pub mod session;
pub mod sessions;
pub mod start;
pub mod style;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
