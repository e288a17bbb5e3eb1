//! The laptop: installs what is missing, runs the whole stack on loopback ports, and plays AWS and Auth0 there.
//!
//! [`install`] gets the tools, [`stack`] runs them, [`openid`] signs people in,
//! [`emulator`] registers functions and state machines. Nothing here knows a domain.

pub mod archives;
pub mod build;
pub mod demo;
pub mod dev;
pub mod emulator;
pub mod http;
pub mod install;
pub mod interrupt;
pub mod invoke;
pub mod leaks;
pub mod openid;
pub mod paths;
pub mod ports;
pub mod process;
pub mod progress;
pub mod service;
pub mod services;
pub mod settings;
pub mod stack;
pub mod table;
pub mod user;
pub mod verify;

/// Bytes as a person reads digests and passwords.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS[usize::from(value)];
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
