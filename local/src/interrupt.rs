//! Ctrl-C and SIGTERM as a question one can ask.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Result;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on these signals end nothing by themselves; a second Ctrl-C does.
pub fn listen() -> Result<()> {
    let mut fresh = false;
    let asked = ASKED.get_or_init(|| {
        fresh = true;
        Arc::default()
    });
    if fresh {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_shutdown(signal, 130, Arc::clone(asked))?;
            flag::register(signal, Arc::clone(asked))?;
        }
    }
    Ok(())
}

/// Whether we were asked to end.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}
