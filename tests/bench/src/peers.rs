//! How fast others are: what we measured of them ourselves, on 23 November 2026, on a quiet machine
//! of two cores, three interleaved rounds. Medians.

use serde::Serialize;

/// Processor time and time on the clock of a turn, in milliseconds, with a model that answers at
/// once: twelve turns of four agents. And runs of a chain of five agents a second, 200 side by
/// side, with a model that thinks for 20 ms.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) durable: bool,
    pub(crate) cpu_ms: f64,
    pub(crate) wall_ms: f64,
    pub(crate) runs_per_second: f64,
}

/// One model call by hyper and one commit in Postgres: what their kit measured as the least.
pub(crate) const FLOOR: Peer = Peer {
    name: "floor of that run: model call + commit",
    durable: true,
    cpu_ms: 0.18,
    wall_ms: 0.57,
    runs_per_second: 1483.0,
};

pub(crate) const PEERS: [Peer; 5] = [
    FLOOR,
    Peer {
        name: "LangGraph 1.2, Postgres, synchronous",
        durable: true,
        cpu_ms: 6.3,
        wall_ms: 6.9,
        runs_per_second: 34.9,
    },
    Peer {
        name: "LangGraph 1.2, Postgres, asynchronous",
        durable: true,
        cpu_ms: 7.7,
        wall_ms: 7.7,
        runs_per_second: 23.8,
    },
    Peer {
        name: "LangGraph 1.2, memory only",
        durable: false,
        cpu_ms: 6.3,
        wall_ms: 6.5,
        runs_per_second: 33.5,
    },
    Peer {
        name: "AG2 classic 0.14, memory only",
        durable: false,
        cpu_ms: 4.5,
        wall_ms: 4.3,
        runs_per_second: 24.6,
    },
];

impl Peer {
    pub(crate) fn beyond_floor_ms(&self) -> f64 {
        crate::figures::rounded(self.wall_ms - FLOOR.wall_ms)
    }
}
