//! Runs: a brief goes in, the steps of a workflow work on it, documents come out. The record of
//! every turn is written here; `conversations` and `documents` read it.

pub mod cancel;
pub mod diff;
pub mod dispatch;
pub mod events;
pub mod explain;
pub mod fail;
pub mod finish;
pub mod fork;
pub mod get;
mod layers;
pub mod list;
pub mod live;
pub mod model;
pub mod pin;
pub mod plan;
pub mod prompt;
pub mod purse;
pub mod queries;
mod question;
pub mod replay;
pub mod room;
mod room_task;
pub mod settle;
pub mod speaker;
pub mod start;
pub mod step;
pub mod stream;
pub mod talk;
pub mod turn;
pub mod waves;

/// The functions of this domain; see [`shared::table`].
pub const FUNCTIONS: &str = include_str!("../functions.json");
