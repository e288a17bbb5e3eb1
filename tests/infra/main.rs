//! `infra/` held to what it says: formatted, valid, tested, and deployed to the AWS emulator.
//!
//! Terraform and its AWS provider cannot be had everywhere. Where they cannot, these tests are
//! ignored, so that a runner counts them as skipped and never as passed; `--why` tells the reason.

mod api;
mod archives;
mod deployment;
mod settings;
mod terraform;

use std::{
    env,
    io::{Write, stdout},
    process::ExitCode,
};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use local::paths::Paths;

use terraform::Terraform;

fn main() -> ExitCode {
    let found = Paths::find(None).and_then(|paths| Terraform::find(&paths));
    if env::args().any(|argument| argument == "--why") {
        let line = match &found {
            Ok(terraform) => format!("infra: runs with {}", terraform.program.display()),
            Err(reason) => format!("infra: skipped: {reason:#}"),
        };
        let told = writeln!(stdout(), "{line}");
        return if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }

    let tests: [(&str, fn(&Terraform) -> Result<()>); 3] = [
        ("it_is_formatted_and_valid", Terraform::check),
        ("every_row_becomes_what_it_says", Terraform::test),
        ("a_deployment_answers_requests_and_completes_a_run", deployment::works),
    ];
    let trials = tests.map(|(name, test)| {
        let found = found.as_ref().map(Clone::clone).map_err(|reason| format!("{reason:#}"));
        let missing = found.is_err();
        Trial::test(name, move || test(&found?).map_err(|why| Failed::from(format!("{why:#}"))))
            .with_ignored_flag(missing)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}
