//! The account page in a real browser: headless Chromium, at the local Auth0's real login page.
//!
//! Where Chromium cannot be had, this is ignored, so that a runner counts it as skipped and never
//! as passed; `--why` tells the reason. `SHOTS=folder` keeps a picture of the page.

mod account;
mod driver;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use local::install;
use local::paths::Paths;

fn main() -> ExitCode {
    // A runner that only wants the names must not wait for a package manager.
    let listing = std::env::args().any(|argument| argument == "--list");
    let found = if listing { Ok(PathBuf::new()) } else { driver() };
    if std::env::args().any(|argument| argument == "--why") {
        let line = match &found {
            Ok(driver) => format!("browser: runs with {}", driver.display()),
            Err(error) => format!("browser: skipped: {error:#}"),
        };
        let told = writeln!(stdout(), "{line}");
        return if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let missing = found.is_err();
    let name = "a_person_signs_in_steps_up_and_signs_out_there_and_everywhere";
    let trial = Trial::test(name, move || {
        let driver = found.map_err(|why| Failed::from(format!("{why:#}")))?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(account::works(&driver)).map_err(|why| Failed::from(format!("{why:#}")))
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial.with_ignored_flag(missing)]).exit_code()
}

fn driver() -> Result<PathBuf> {
    install::browser(&Paths::find(None)?)
}
