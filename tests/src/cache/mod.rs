//! Redis servers of a test's own, which can be killed, frozen and failed over, and a line to them
//! that can fall silent.

mod line;
mod server;

use std::time::Duration;

use anyhow::Result;
use shared::config::{self, Secret, Topology};
use shared::redis::Redis;

pub use line::{Line, Mode};
pub use server::Server;

/// A client for the stack's own Redis that waits as long as a busy machine needs: for tests of what
/// is done with Redis, and not of what is done without.
pub fn patient() -> Result<Redis> {
    let patience = Duration::from_secs(5);
    Ok(Redis::new(config::Redis { patience, ..config::Redis::from_env()? }))
}

/// A client for one server at this port of this machine.
pub fn client(port: u16) -> Redis {
    Redis::new(settings(&[port], Topology::Single))
}

pub fn settings(ports: &[u16], topology: Topology) -> config::Redis {
    let urls = ports.iter().map(|port| Secret::new(format!("redis://127.0.0.1:{port}"))).collect();
    let patience = Duration::from_millis(50);
    config::Redis { urls, topology, ca: None, iam: None, patience }
}
