//! Rooms, played from the first turn to the last by scripted members and scripted models.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]
#![expect(clippy::print_stdout, reason = "figures are worth seeing")]

mod adversarial;
mod analytics;
mod checks;
mod conditions;
mod hall;
mod handoffs;
mod orders;
mod people;
mod sequences;
mod supervisor;
mod verdicts;
mod within;
