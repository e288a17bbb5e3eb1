//! `make dev`: the stack left running, the host built anew whenever a source file changes.

mod lambda;

use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, SystemTime},
};

use anyhow::Result;

use crate::{
    build, demo, interrupt,
    progress::say,
    stack::{Options, Stack},
};

pub use lambda::run as run_lambda;

const LOOK: Duration = Duration::from_millis(700);
/// What the host is made of.
const SOURCES: [&str; 4] = ["shared", "functions", "migrations", "Cargo.lock"];

pub fn run(options: &Options) -> Result<()> {
    let host = build::host()?;
    let mut stack = Stack::up(options)?;
    let mut seen = newest(&stack.paths().root);
    stack.spawn_host(&host.wait()?)?;
    demo::migrate(&stack)?;
    greet(&stack)?;
    say("  A change to a source file rebuilds the host. Ctrl-C ends it.\n");
    while !interrupt::asked() {
        stack.check()?;
        sleep(LOOK);
        let now = newest(&stack.paths().root);
        if now > seen {
            seen = now;
            reload(&mut stack);
        }
    }
    say("  ending the stack");
    stack.down();
    Ok(())
}

/// Where the API is, and who may use it.
fn greet(stack: &Stack) -> Result<()> {
    say(&format!("\n  The API:    {}", stack.host_url()?));
    say(&format!(
        "  A token of ada@example.test, an administrator:\n\n{}\n",
        stack.sign_in("ada")?
    ));
    say(
        "  Other people: `local token --user bob` (another organization), `--user eve` (reads only).",
    );
    Ok(())
}

/// What does not compile leaves the host as it is.
fn reload(stack: &mut Stack) {
    let rebuilt = build::host().and_then(build::Host::wait);
    let served =
        rebuilt.and_then(|host| stack.spawn_host(&host)).and_then(|()| demo::migrate(stack));
    if let Err(error) = served {
        say(&format!("  {error:#}\n  waiting for the next change"));
    }
}

/// When a source file changed last.
fn newest(root: &Path) -> SystemTime {
    let places = SOURCES.map(|place| root.join(place));
    places.iter().map(|place| changed(place)).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn changed(path: &Path) -> SystemTime {
    let own = fs::metadata(path).and_then(|meta| meta.modified());
    let inner = fs::read_dir(path).into_iter().flatten().flatten();
    let inner = inner.map(|entry| changed(&entry.path()));
    inner.chain(own).max().unwrap_or(SystemTime::UNIX_EPOCH)
}
