//! Context: what an agent is told besides its task, from where, and what was left out.
//!
//! The core is pure: entries resolve by layer ([`layers`]), those for this turn are chosen
//! ([`select`], [`fuse`]) and written within a budget ([`assemble`]), a history is made to fit
//! ([`compact`]), and all of it is accounted for ([`explain`]).

pub mod assemble;
pub mod cache;
pub mod check;
pub mod compact;
pub mod cut;
pub mod explain;
pub mod fuse;
pub mod layers;
pub mod marks;
pub mod model;
pub mod select;
pub mod tokens;
