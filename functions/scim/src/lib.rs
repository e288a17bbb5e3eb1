//! SCIM 2.0 (RFC 7643, 7644): a company's identity provider keeps people and groups in step.
//!
//! What an attribute is stands in `schemas.json`, which is also what `/Schemas` shows; the rest is
//! generic over it. A domain of its own beside `provisioning`, because it is a protocol with
//! eighteen routes and a filter language, and nothing of it is needed to speak to the issuer.

pub mod config;
pub mod crud;
pub mod filter;
pub mod group_create;
pub mod group_delete;
pub mod group_get;
pub mod group_patch;
pub mod group_replace;
pub mod groups;
pub mod jsonpath;
pub mod lexer;
pub mod model;
pub mod normal;
pub mod patch;
pub mod present;
pub mod queries;
pub mod schema;
pub mod schema_get;
pub mod schemas;
pub mod search;
pub mod select;
pub mod type_get;
pub mod types;
pub mod user_create;
pub mod user_delete;
pub mod user_get;
pub mod user_patch;
pub mod user_replace;
pub mod users;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
