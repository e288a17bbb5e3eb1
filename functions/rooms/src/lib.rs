//! Rooms: several agents who talk, who speaks when, and when they are done. Pure: no I/O, no clock
//! and no chance but what is handed in, so a conversation can be decided again from its record.

pub mod analysis;
mod carry;
pub mod check;
mod choosing;
mod decide;
mod frame;
mod handoff;
pub mod inner;
pub mod ledger;
mod likeness;
mod loops;
pub mod model;
mod order;
mod pick;
pub mod record;
mod rule;
mod speak;
pub mod state;
mod until;

pub use model::Room;
pub use record::{Answer, Answered, Choice, Chosen, Mark, Said, Task};
pub use state::{Action, Event, State, decide, replay};
