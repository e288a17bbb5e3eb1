//! `make dev-lambda`: the functions as Lambdas, under `cargo lambda watch` instead of the host.

use std::thread::sleep;

use anyhow::Result;

use super::{LOOK, greet};
use crate::{
    build, demo,
    emulator::Source,
    install, interrupt,
    paths::Paths,
    progress::say,
    stack::{Options, Stack},
};

pub fn run(options: &Options) -> Result<()> {
    let paths = Paths::find(options.name.as_deref())?;
    let mut served = Source::read(&paths.root)?;
    // Else every function's first event would wait for its compilation.
    let functions = build::functions(served.functions.keys())?;
    let tools = install::build_tools(&paths)?;
    let mut stack = Stack::up(options)?;
    functions.wait()?;
    stack.spawn_watch(&tools)?;
    demo::migrate(&stack)?;
    greet(&stack)?;
    let log = paths.log("watch");
    say("  A change to a source file compiles and restarts the functions that were called;");
    say(&format!("  what they and the compiler say: {}", paths.short(&log)));
    say("  A path that no function has is answered by cargo-lambda, and not as AWS does.");
    say("  Ctrl-C ends it.\n");
    while !interrupt::asked() {
        stack.check()?;
        sleep(LOOK);
        // A table that is half written is read again a moment later.
        if let Ok(now) = Source::read(&paths.root)
            && now != served
        {
            served = now;
            say("  the tables changed: routes and state machines anew");
            if let Err(error) = stack.spawn_watch(&tools) {
                say(&format!("  {error:#}\n  waiting for the next change"));
            }
        }
    }
    say("  ending the stack");
    stack.down();
    Ok(())
}
