//! What a cold start may cost. Processor time, because it does not depend on who else is working.

use super::report::Row;

/// Milliseconds of processor time from `exec` to the first request for an event.
const INIT: f64 = 10.0;
/// The same up to the first answer, with connections, keys and all: what a person waits for, and
/// where the price of a random source that gathers jitter (35 ms) would show.
const COLD: f64 = 15.0;
/// And with TLS to Postgres.
const COLD_TLS: f64 = 20.0;
const MEMORY_MB: f64 = 20.0;
const ZIP_MB: f64 = 5.0;

/// For `--budget`.
pub(crate) fn list() -> String {
    format!(
        "  init CPU                    {INIT} ms
  init and first event, CPU   {COLD} ms, {COLD_TLS} ms with TLS to Postgres
  memory, at its most         {MEMORY_MB} MB
  zip                         {ZIP_MB} MB
"
    )
}

/// What a row breaks, in words.
pub(crate) fn broken(row: &Row) -> Vec<String> {
    let cold = if row.tls { COLD_TLS } else { COLD };
    let limits = [
        ("ms of CPU for init", row.init_cpu_ms, INIT),
        ("ms of CPU for init and the first event", row.cold_cpu_ms, cold),
        ("MB of memory", row.memory_mb, MEMORY_MB),
        ("MB of zip", row.zip_mb, ZIP_MB),
    ];
    let over = limits.iter().filter(|(_, is, most)| is > most);
    over.map(|(what, is, most)| format!("{}: {is} {what}, over {most}", row.function)).collect()
}
