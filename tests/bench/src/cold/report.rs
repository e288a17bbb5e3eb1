//! The lives of many sandboxes as one row for each function.

use serde::{Deserialize, Serialize};

use super::binaries::Binary;
use super::sandbox::Life;
use crate::figures::{median, megabytes, rounded, show};

/// Medians over the sandboxes; memory is the most that any of them held.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) function: String,
    /// Postgres is reached by TLS, past its pooler.
    pub(crate) tls: bool,
    pub(crate) init_cpu_ms: f64,
    pub(crate) init_ms: f64,
    pub(crate) first_invoke_ms: f64,
    /// Init and the first event.
    pub(crate) cold_cpu_ms: f64,
    pub(crate) warm_p50_ms: f64,
    pub(crate) warm_cpu_ms: f64,
    pub(crate) memory_mb: f64,
    pub(crate) binary_mb: f64,
    pub(crate) zip_mb: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Who built the functions.
    pub(crate) builder: String,
    /// Fresh processes a row.
    pub(crate) sandboxes: usize,
    /// Events after the first, a process.
    pub(crate) warm_events: usize,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    pub(super) fn new(function: &str, tls: bool, binary: &Binary, lives: &[Life]) -> Self {
        let of = |figure: fn(&Life) -> f64| {
            rounded(median(&lives.iter().map(figure).collect::<Vec<_>>()))
        };
        let memory = lives.iter().map(|life| life.peak_memory).max().unwrap_or_default();
        Self {
            function: function.to_owned(),
            tls,
            init_cpu_ms: of(|life| life.init_cpu),
            init_ms: of(|life| life.init),
            first_invoke_ms: of(|life| life.first),
            cold_cpu_ms: of(|life| life.cold_cpu),
            warm_p50_ms: of(|life| median(&life.warm)),
            warm_cpu_ms: of(|life| life.warm_cpu),
            memory_mb: rounded(megabytes(memory)),
            binary_mb: rounded(megabytes(binary.bytes)),
            zip_mb: rounded(megabytes(binary.zipped)),
        }
    }

    /// The cells under [`HEAD`].
    pub(crate) fn cells(&self) -> [String; 9] {
        let name = if self.tls { "*, TLS to Postgres*" } else { "" };
        [
            format!("{}{name}", self.function),
            show(self.init_cpu_ms),
            show(self.cold_cpu_ms),
            show(self.first_invoke_ms),
            show(self.warm_p50_ms),
            show(self.warm_cpu_ms),
            show(self.memory_mb),
            show(self.binary_mb),
            show(self.zip_mb),
        ]
    }
}

pub(crate) const HEAD: [&str; 9] = [
    "function",
    "init CPU ms",
    "+ first event, CPU ms",
    "first invoke ms",
    "warm p50 ms",
    "warm CPU ms",
    "memory MB",
    "binary MB",
    "zip MB",
];
