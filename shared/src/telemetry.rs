//! Structured logs: one JSON object a line. Never an event, a header, a prompt or a token.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config;

/// `LOG_LEVEL` is a level, or targets with theirs: `info,runs=debug`. Not an `EnvFilter`: its
/// regular expressions would be 0.2 MB of every function, and time of every cold start.
pub fn start() {
    let level = config::log_level().parse();
    let level: Targets = level.unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
    let lines = lines.with_span_list(false).with_writer(std::io::stderr);
    // A second start in one process (a test) keeps the first.
    let _ = tracing_subscriber::registry().with(lines).with(level).try_init();
}
