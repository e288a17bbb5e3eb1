//! Rooms: several agents who talk, who speaks when, and when they are done. Pure: no I/O, no clock
//! and no chance but what is handed in, so a conversation can be decided again from its record.

pub mod check;
pub mod meeting;
pub mod model;
mod order;
mod pick;
mod rule;
mod until;

pub use meeting::{Action, Choice, Meeting, Said};
pub use model::Room;
