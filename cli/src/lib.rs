//! The terminal client `cadre`. It knows the product by openapi.json only.

#[cfg(test)]
mod agrees;
mod api;
mod args;
mod client;
mod failure;
mod http;
mod model;
mod progress;
mod settings;
mod show;
mod sign_in;
mod sse;
mod store;
mod verbs;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, Common, Verb, Which};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::http::Sender;
use crate::model::ForkRequest;

pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell if that cannot be written.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    let json = cli.common.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.show(json),
    }
}

fn run(cli: Cli) -> Result<()> {
    let Cli { common, verb } = cli;
    let json = common.json;
    match verb {
        Verb::Login(login) => sign_in::login(&common, login),
        Verb::Logout => sign_in::logout(json),
        Verb::Whoami => verbs::whoami::run(&client(&common)?, json),
        Verb::Import { from } => verbs::import::run(&client(&common)?, &from, json),
        Verb::Agents(which) => {
            let client = client(&common)?;
            match which.verb {
                None | Some(Which::List) => verbs::agents::list(&client, json),
                Some(Which::Show { slug }) => verbs::agents::show(&client, &slug, json),
            }
        }
        Verb::Workflows(which) => {
            let client = client(&common)?;
            match which.verb {
                None | Some(Which::List) => verbs::workflows::list(&client, json),
                Some(Which::Show { slug }) => verbs::workflows::show(&client, &slug, json),
            }
        }
        Verb::Run(asked) => verbs::run::run(client(&common)?, &asked, json),
        Verb::Follow { run } => verbs::follow::run(client(&common)?, run, json),
        Verb::Fork { run, step, turn, token_cap, micros_cap } => {
            let at = ForkRequest { step: &step, turn, token_cap, micros_cap };
            verbs::fork::run(&client(&common)?, run, &at, json)
        }
        Verb::Diff { run, with } => verbs::diff::run(&client(&common)?, run, with, json),
        Verb::Cancel { run } => verbs::cancel::run(&client(&common)?, run, json),
        Verb::Documents { run, save, force } => {
            verbs::documents::run(&client(&common)?, run, save.as_deref(), force, json)
        }
        Verb::Explain { run, step } => {
            verbs::explain::run(&client(&common)?, run, step.as_deref(), json)
        }
        Verb::Spend { run: Some(run), .. } => verbs::spend::of_run(&client(&common)?, run, json),
        Verb::Spend { by: Some(by), limit, .. } => {
            verbs::spend::by(&client(&common)?, by, limit.into(), json)
        }
        Verb::Stop { scope, id, reason, .. } => {
            verbs::stop::run(&client(&common)?, (scope, id), reason.as_deref(), json)
        }
        Verb::Spend { run: None, by: None, limit } => {
            verbs::spend::newest(&client(&common)?, limit.into(), json)
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "cadre", &mut script);
            show::write(&String::from_utf8_lossy(&script))
        }
    }
}

/// A caller with a token; without one there is nothing to ask.
fn client(common: &Common) -> Result<Client> {
    let (api, token) = settings::api(common)?;
    let Some(token) = token else {
        return Err(Failure::new("you are not signed in")
            .next("`cadre login`, or set CADRE_TOKEN to a token or an API key"));
    };
    let sender = Sender::new(Some(token), Duration::from_secs(common.timeout));
    Ok(Client::new(sender, &api, settings::stream(common)?))
}
