//! The whole product from outside: `make demo` as a person runs it, and every state of the state
//! machine, run by the emulator's interpreter with the real functions.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;
mod demo;
mod machine;
