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
    let paths = Paths::find(None);
    let paths = || paths.as_ref().map_err(|error| Error::msg(format!("{error:#}")));
    // Three things that may be missing: the program, and each of two providers.
    let bare = paths().and_then(Terraform::bare);
    let aws = paths().and_then(Terraform::find);
    let auth0 = paths().and_then(Terraform::with_auth0);
    if env::args().any(|argument| argument == "--why") {
        let all = [("infra", &aws), ("infra/auth0", &auth0)];
        let lines = all.map(|(what, found)| match found {
            Ok(terraform) => format!("{what}: runs with {}\n", terraform.program.display()),
            Err(error) => format!("{what}: skipped: {}\n", reason(error)),
        });
        let told = write!(stdout(), "{}", lines.concat());
        return if told.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }

    let trials = [
        trial("it_is_formatted_and_valid", &aws, Terraform::check),
        trial("every_row_becomes_what_it_says", &aws, Terraform::test),
        trial("a_deployment_answers_requests_and_completes_a_run", &aws, deployment::works),
        trial("what_auth0_is_set_to_is_formatted", &bare, Terraform::check_format),
        trial("what_auth0_is_set_to_is_valid", &auth0, Terraform::check_auth0),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// Ignored, and so counted as skipped, where what it needs was not found.
fn trial(name: &str, found: &Result<Terraform>, test: Test) -> Trial {
    let found = match found {
        Ok(terraform) => Ok(terraform.clone()),
        Err(error) => Err(reason(error)),
    };
    let missing = found.is_err();
    Trial::test(name, move || test(&found?).map_err(|why| Failed::from(format!("{why:#}"))))
        .with_ignored_flag(missing)
}

/// In one line, and of Terraform's pages only what is wrong.
fn reason(error: &Error) -> String {
    let whole = format!("{error:#}");
    let Some((context, wrong)) = whole.split_once("Error: ") else { return whole };
    let context = context.split(": terraform").next().unwrap_or_default();
    let wrong: Vec<&str> = wrong.split_whitespace().collect();
    format!("{context}: {}", wrong.join(" "))
}
