//! Who waits longer than two seconds sees for what, on the error stream.

use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(2);

/// Shows that time passes, from two seconds on until it is dropped.
pub(crate) struct Progress {
    shown: Option<JoinHandle<()>>,
    end: Option<Sender<()>>,
}

impl Progress {
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let (end, ended) = channel();
        let shown = thread::spawn(move || show(&what, &ended));
        Self { shown: Some(shown), end: Some(end) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        // Its line must be gone before the next one is printed.
        let _ = self.shown.take().map(JoinHandle::join);
    }
}

/// On a terminal one line that moves; elsewhere a line now and then, ever more seldom.
fn show(what: &str, ended: &Receiver<()>) {
    let since = Instant::now();
    let live = stderr().is_terminal();
    let mut pause = PATIENCE;
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let seconds = since.elapsed().as_secs();
        if live {
            write(&format!("\r\x1b[2K… {what}, {seconds} s"));
            pause = Duration::from_millis(500);
        } else {
            say(&format!("{what}, {seconds} s"));
            pause = (pause * 2).min(Duration::from_mins(1));
        }
    }
    if live && since.elapsed() >= PATIENCE {
        write("\r\x1b[2K");
    }
}

/// A line for the person, which is no part of the output.
pub(crate) fn say(line: &str) {
    write(&format!("… {}\n", crate::show::plain(line)));
}

// Nobody to tell if the terminal is gone, and no reason to stop for it.
fn write(text: &str) {
    let mut out = stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
