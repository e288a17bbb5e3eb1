//! Structured logs: one JSON object a line. Never an event, a header, a prompt or a token.

use tracing_subscriber::EnvFilter;

use crate::config;

pub fn start() {
    let filter = EnvFilter::new(config::log_level());
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // A second start in one process (a test) keeps the first.
    let _ = subscriber.with_writer(std::io::stderr).with_current_span(false).try_init();
}
