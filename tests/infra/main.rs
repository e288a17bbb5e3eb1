//! `infra/` held to what it says: formatted, valid, tested, and deployed to the AWS emulator.
//!
//! Terraform and its AWS provider cannot be had everywhere. Where they cannot, these tests are
//! ignored, so that a runner counts them as skipped and never as passed; `--why` tells the reason.

mod api;
mod deployment;
mod settings;
mod terraform;
mod wire;

use std::{
    env,
    io::{Write, stdout},
    process::ExitCode,
};

use anyhow::{Error, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use local::paths::Paths;

use terraform::Terraform;

type Test = fn(&Terraform) -> Result<()>;

fn main() -> ExitCode {
    let found = Paths::find(None).and_then(|paths| Terraform::find(&paths));
    if env::args().any(|argument| argument == "--why") {
        let line = match &found {
            Ok(terraform) => format!("infra: runs with {}", terraform.program.display()),
            Err(error) => format!("infra: skipped: {}", reason(error)),
        };
        let told = writeln!(stdout(), "{line}");
        return if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }

    let tests: [(&str, Test); 3] = [
        ("it_is_formatted_and_valid", Terraform::check),
        ("every_row_becomes_what_it_says", Terraform::test),
        ("a_deployment_answers_requests_and_completes_a_run", deployment::works),
    ];
    let trials = tests.map(|(name, test)| {
        let found = found.as_ref().map(Clone::clone).map_err(reason);
        let missing = found.is_err();
        Trial::test(name, move || test(&found?).map_err(|why| Failed::from(format!("{why:#}"))))
            .with_ignored_flag(missing)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// In one line, and of Terraform's pages only what is wrong.
fn reason(error: &Error) -> String {
    let whole = format!("{error:#}");
    let Some((context, wrong)) = whole.split_once("Error: ") else { return whole };
    let context = context.split(": terraform").next().unwrap_or_default();
    let wrong: Vec<&str> = wrong.split_whitespace().collect();
    format!("{context}: {}", wrong.join(" "))
}
