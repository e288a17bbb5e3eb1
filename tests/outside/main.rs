//! Judges and packages that others publish, on npm and PyPI: so that we do not only agree with
//! ourselves. Where one cannot be had, what it would prove is counted as skipped and never as
//! passed; `--why` tells the reason.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod imports;
mod judges;
mod packages;

use std::future::Future;
use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use local::{install, paths::Paths};

fn main() -> ExitCode {
    let judges = Paths::find(None).and_then(|paths| install::judges(&paths));
    let packages = [packages::GENERATION_A, packages::GENERATION_D];
    let packages = packages.into_iter().try_for_each(|one| packages::tarball(one).map(drop));
    if std::env::args().any(|argument| argument == "--why") {
        let judges = judges.as_ref().map(drop).map_err(|why| format!("{why:#}"));
        let packages = packages.map_err(|why| format!("{why:#}"));
        return tell(&[("Spectral and schemathesis", judges), ("bmad-method", packages)]);
    }
    let mut trials = vec![
        on(packages.is_ok(), "generation_d_arrives_whole_in_every_form_and_once", || {
            imports::generation_d_arrives_whole_in_every_form_and_once()
        }),
        on(packages.is_ok(), "generation_a_arrives_whole_in_every_form_and_once", || {
            imports::generation_a_arrives_whole_in_every_form_and_once()
        }),
    ];
    let tried = judges.ok();
    let has = tried.is_some();
    let with = |judge: fn(&install::Judges) -> Result<()>| {
        let tried = tried.clone();
        move || judge(tried.as_ref().unwrap())
    };
    for (name, judge) in [
        ("p13_spectral_with_owasps_rules_finds_no_error", judges::spectral as fn(&_) -> _),
        ("p11_schemathesis_finds_nothing_as_an_administrator", judges::administrator),
        ("p11_schemathesis_finds_nothing_as_nobody", judges::nobody),
    ] {
        let run = with(judge);
        let trial =
            Trial::test(name, move || run().map_err(|why| Failed::from(format!("{why:#}"))));
        trials.push(trial.with_ignored_flag(!has));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A trial of something that waits.
fn on<F>(can: bool, name: &str, test: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = Result<()>>,
{
    let run = move || {
        let runtime =
            tokio::runtime::Runtime::new().map_err(|why| Failed::from(why.to_string()))?;
        runtime.block_on(test()).map_err(|why| Failed::from(format!("{why:#}")))
    };
    Trial::test(name, run).with_ignored_flag(!can)
}

fn tell(all: &[(&str, Result<(), String>)]) -> ExitCode {
    let mut told = true;
    for (what, outcome) in all {
        let line = match outcome {
            Ok(()) => format!("outside: {what}: runs"),
            Err(why) => format!("outside: {what}: skipped: {}", why.replace('\n', " ")),
        };
        told &= writeln!(stdout(), "{line}").is_ok();
    }
    if told { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
