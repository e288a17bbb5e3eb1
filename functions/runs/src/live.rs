//! A run as it happens, for those who follow it: what workers tell through Redis while a model
//! answers, and the record behind it.
//!
//! Redis is only faster. Every event and every text comes from the record in the end, and where a
//! reader is ([`position`]) means the same whoever serves them: the last event of the record, and of
//! each text under way how much of it was sent, with a digest of that much. So what was sent is never
//! sent again, nothing is left out, and two tries of one turn are never mixed.

pub mod entry;
mod follower;
pub mod hot;
pub mod hub;
pub mod position;
pub mod reader;
pub mod teller;
pub mod told;
