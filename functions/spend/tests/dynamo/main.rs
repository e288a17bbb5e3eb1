//! Spend against a `DynamoDB` that runs here.

mod line;
mod race;
mod stops;
