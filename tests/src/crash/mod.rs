//! Functions that die, are cut off, or come back from the dead; the machine that tries again; and
//! the one who counts afterwards whether anything was lost, doubled or stuck.

mod chaos;
mod check;
mod dice;
mod machine;
mod process;
mod sandbox;
mod tap;
mod unfinished;

pub use chaos::{Chaos, Dangers, Tally};
pub use check::{ended, ledger, succeeded};
pub use dice::Dice;
pub use machine::{Answer, Invoke, Machine};
pub use process::HostProcess;
pub use sandbox::{Inside, Sandbox, until};
pub use tap::{At, Moment, Seen, Tap};
pub use unfinished::{after_polls, dies_after};
