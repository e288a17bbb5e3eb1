//! Importing: small fixtures of their shapes, and what a hostile sender may try.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]
#![expect(clippy::print_stdout, reason = "the times are worth seeing")]

mod embedded;
mod fuzz;
mod hostile;
mod packing;
mod skills;
