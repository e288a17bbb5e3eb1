//! The demonstration model: SmolLM2-135M behind llama.cpp's OpenAI-compatible server. Small, and weak.

use std::{fs, path::Path, process::Command, thread::available_parallelism, time::Duration};

use super::answers;
use crate::{paths::Paths, process::Ask, service::Service};

pub const NAME: &str = "smollm2-135m-instruct";

/// What the weights were trained for.
const CONTEXT_TOKENS: u16 = 8192;

pub fn service(paths: &Paths, weights: &Path, port: u16, threads: u16, slots: u16) -> Service {
    let mut command = Command::new(paths.python());
    command
        .arg(paths.root.join("local/model/server.py"))
        .arg(weights)
        .args([port, threads, CONTEXT_TOKENS, slots].map(|number| number.to_string()))
        .arg(NAME);
    Service {
        name: "model",
        what: "SmolLM2-135M (demonstration)",
        address: format!("http://127.0.0.1:{port}/v1"),
        command,
        ask: Ask::Terminate,
        patience: Duration::from_mins(1),
        ready: answers(format!("http://127.0.0.1:{port}/health")),
    }
}

/// Two threads read a prompt faster on an idle laptop. On a busy one they wait for each other,
/// spinning, at every layer: a tenth of one thread's speed was measured, for three times the work.
pub fn threads() -> u16 {
    let cores = available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(2));
    let load = fs::read_to_string("/proc/loadavg").ok();
    threads_for(cores, load.and_then(|text| text.split(' ').next()?.parse().ok()))
}

/// `load` is the average of the last minute; unknown counts as busy.
fn threads_for(cores: u16, load: Option<f64>) -> u16 {
    let idle = load.is_some_and(|load| load <= f64::from(cores) / 2.0);
    if idle { cores.clamp(1, 2) } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::threads_for;

    #[test]
    fn an_idle_machine_gives_two_threads_and_a_busy_one_gives_one() {
        assert_eq!(threads_for(2, Some(0.4)), 2);
        assert_eq!(threads_for(2, Some(1.0)), 2);
        assert_eq!(threads_for(2, Some(1.1)), 1);
        assert_eq!(threads_for(16, Some(7.9)), 2);
        assert_eq!(threads_for(16, Some(8.1)), 1);
        assert_eq!(threads_for(1, Some(0.0)), 1);
        assert_eq!(threads_for(8, None), 1);
    }
}
