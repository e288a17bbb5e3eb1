//! The program `cadre` as a person runs it, against a server that follows a script.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod documents;
mod lists;
mod refusals;
mod runs;
mod server;
mod sign_in;
mod terminal;
mod tls;
