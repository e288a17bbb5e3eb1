//! One file for each command that calls the API.

pub(crate) mod agents;
pub(crate) mod cancel;
pub(crate) mod diff;
pub(crate) mod documents;
pub(crate) mod explain;
pub(crate) mod follow;
pub(crate) mod fork;
pub(crate) mod import;
pub(crate) mod run;
pub(crate) mod spend;
pub(crate) mod stop;
mod talk;
pub(crate) mod whoami;
pub(crate) mod workflows;

/// The most of a list that is asked for.
const MOST: usize = 10_000;
