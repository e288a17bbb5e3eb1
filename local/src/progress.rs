//! What a person sees while they wait: one line an item, with the seconds it took.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

const FRAMES: [char; 4] = ['|', '/', '-', '\\'];

/// One item. On a terminal its line moves while it lasts; elsewhere it is printed once, at its end.
pub struct Step {
    label: String,
    since: Instant,
    frame: usize,
    live: bool,
}

impl Step {
    pub fn begin(label: impl Into<String>) -> Self {
        let mut step = Self {
            label: label.into(),
            since: Instant::now(),
            frame: 0,
            live: stderr().is_terminal(),
        };
        step.tick("");
        step
    }

    /// For an item that began earlier, beside others.
    pub fn since(label: impl Into<String>, since: Instant) -> Self {
        Self { since, ..Self::begin(label) }
    }

    /// Shows that it is still going on; cheap enough to call in a loop.
    pub fn tick(&mut self, now: &str) {
        if self.live {
            let frame = FRAMES[self.frame % FRAMES.len()];
            self.frame += 1;
            write(&format!("\r\x1b[2K  {frame} {} {now} {}", self.label, self.took()));
        }
    }

    /// Leaves no trace.
    pub fn clear(self) {
        if self.live {
            write("\r\x1b[2K");
        }
    }

    pub fn done(self, what: &str) {
        self.end('✓', what);
    }

    pub fn failed(self, why: &str) {
        self.end('✗', why);
    }

    fn end(&self, mark: char, what: &str) {
        let clear = if self.live { "\r\x1b[2K" } else { "" };
        write(&format!("{clear}  {mark} {:<44} {:>7}  {what}\n", self.label, self.took()));
    }

    fn took(&self) -> String {
        seconds(self.since.elapsed())
    }
}

// Nobody to tell if the terminal is gone, and no reason to stop for it.
fn write(text: &str) {
    let mut out = stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// A line of its own.
pub fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
