//! `local`: the laptop's stack from the command line.

use std::{
    io::{Write, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use local::{
    archives::Archives,
    demo, dev, install, invoke, openid,
    paths::Paths,
    progress::say,
    stack::{self, Options, Part, Stack, State},
    table::table,
    verify,
};

/// The whole of Cadre on one laptop: PostgreSQL, PgBouncer, Redis, an AWS emulator,
/// a local Auth0 and a small model, below .local/ and on loopback ports of their own.
#[derive(Parser)]
#[command(name = "local", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
struct Which {
    /// A stack of its own below .local/NAME/; without, the one in .local/
    #[arg(long, global = true)]
    name: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Run a team of agents over a brief, and show it as it happens
    Demo(Demo),
    /// The stack and the host, left running, with reload on change
    Dev(Up),
    /// The same with each function a Lambda, under `cargo lambda watch`
    DevLambda(Up),
    /// Run all tests on a stack of their own, or those that match
    Test(Tests),
    /// Check format, lints, state machines, shell and Terraform
    Lint,
    /// List every function: trigger, permission, memory, timeout
    Functions,
    /// Build every function's zip, as it is deployed, for this machine's processor
    Zips,
    /// Start the stack and stay until Ctrl-C
    Up(Up),
    /// End what was started, by process id
    Stop,
    /// End it and remove everything below .local/
    Clean,
    /// Show what runs
    Status,
    /// Print the variables of the running stack as KEY=VALUE
    Env,
    /// Sign a person in and print their access token
    Token {
        /// ada (everything), bob (another organization) or eve (reads only)
        #[arg(long, default_value = "ada")]
        user: String,
    },
    /// Invoke a function of the running stack, and print its answer
    Invoke {
        /// A name of `make functions`
        function: String,
        /// The event; without, events/FUNCTION.json or an empty one
        #[arg(long)]
        event: Option<PathBuf>,
    },
    /// Install what is missing, and nothing else
    Install {
        /// cargo-lambda and zig instead: prints their folder
        #[arg(long)]
        build: bool,
        /// asl-validator instead: prints its folder
        #[arg(long, conflicts_with = "build")]
        lint: bool,
    },
}

#[derive(Args)]
struct Demo {
    /// The brief: a text or Markdown file
    #[arg(long, default_value = "examples/briefs/bicycle-repair.md")]
    brief: PathBuf,
    /// The workflow: a JSON file
    #[arg(long, default_value = "examples/workflows/product-team.json")]
    workflow: PathBuf,
}

#[derive(Args)]
struct Tests {
    /// Only tests whose name, or whose file, contains this
    filter: Option<String>,
}

#[derive(Args)]
struct Up {
    /// Leave it running in the background
    #[arg(long)]
    detach: bool,
    /// Without the demonstration model
    #[arg(long)]
    no_model: bool,
    /// Without the AWS emulator
    #[arg(long)]
    no_emulator: bool,
    /// Threads of the demonstration model; without, as many as the machine can spare
    #[arg(long)]
    model_threads: Option<u16>,
    /// Server connections of the pooler for each database
    #[arg(long, default_value_t = Options::default().pool_size)]
    pool_size: u16,
}

fn main() -> ExitCode {
    let Cli { verb, which } = Cli::parse();
    if let Err(error) = run(verb, which.name) {
        // For a person: what happened and why, without a backtrace.
        say(&format!("\n  {error:#}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(verb: Verb, name: Option<String>) -> Result<()> {
    match verb {
        Verb::Demo(Demo { brief, workflow }) => {
            demo::run(&Options { name, ..Options::default() }, &brief, &workflow)
        }
        Verb::Test(Tests { filter }) => verify::test(filter.as_deref()),
        Verb::Lint => verify::lint(),
        Verb::Functions => verify::functions(),
        Verb::Zips => print(&Archives::build(&Paths::find(None)?)?.table()),
        Verb::Dev(wanted) => dev::run(&options(name, &wanted)),
        Verb::DevLambda(wanted) => dev::run_lambda(&options(name, &wanted)),
        Verb::Up(wanted) => up(name, &wanted),
        Verb::Stop => stop(name.as_deref()),
        Verb::Clean => clean(),
        Verb::Status => status(name.as_deref()),
        Verb::Env => env(name.as_deref()),
        Verb::Token { user } => token(name.as_deref(), &user),
        Verb::Invoke { function, event } => call(name.as_deref(), &function, event.as_deref()),
        Verb::Install { build, lint } => install(build, lint),
    }
}

fn options(name: Option<String>, wanted: &Up) -> Options {
    let mut options = Options {
        name,
        detached: wanted.detach,
        model_threads: wanted.model_threads,
        pool_size: wanted.pool_size,
        ..Options::default()
    };
    for (left_out, part) in [(wanted.no_model, Part::Model), (wanted.no_emulator, Part::Emulator)] {
        if left_out {
            options = options.without(part);
        }
    }
    options
}

fn up(name: Option<String>, wanted: &Up) -> Result<()> {
    let mut stack = Stack::up(&options(name, wanted))?;
    print(&services(stack.paths(), stack.services()))?;
    if wanted.detach {
        return Ok(());
    }
    say("\n  Ctrl-C ends it.");
    let watched = stack.watch();
    say("  ending the stack");
    stack.down();
    watched
}

fn stop(name: Option<&str>) -> Result<()> {
    let ended = stack::stop(name)?;
    say(&format!("  {ended} services ended"));
    Ok(())
}

fn clean() -> Result<()> {
    stack::clean()?;
    say("  .local/ is gone; the Debian packages stay");
    Ok(())
}

fn status(name: Option<&str>) -> Result<()> {
    let paths = Paths::find(name)?;
    let state = State::read(&paths);
    if state.services.is_empty() {
        say("  nothing runs");
        return Ok(());
    }
    print(&services(&paths, &state.services))
}

fn env(name: Option<&str>) -> Result<()> {
    let state = running(name)?;
    let lines = state.environment.iter().map(|(key, value)| format!("{key}={value}\n"));
    print(&lines.collect::<String>())
}

fn token(name: Option<&str>, user: &str) -> Result<()> {
    let state = running(name)?;
    let issuer = state.environment.get("AUTH_ISSUER").context("it runs no local Auth0")?;
    print(&format!("{}\n", openid::sign_in(issuer, user)?))
}

fn call(name: Option<&str>, function: &str, event: Option<&Path>) -> Result<()> {
    let answer = invoke::run(&Paths::find(name)?, &running(name)?, function, event)?;
    print(&format!("{answer:#}\n"))
}

fn install(build: bool, lint: bool) -> Result<()> {
    let paths = Paths::find(None)?;
    if build {
        return print(&format!("{}\n", install::build_tools(&paths)?.display()));
    }
    if lint {
        return print(&format!("{}\n", install::lint_tools(&paths)?.display()));
    }
    install::stack_tools(&paths, true)?;
    say("  everything is installed");
    Ok(())
}

fn running(name: Option<&str>) -> Result<State> {
    let state = State::read(&Paths::find(name)?);
    anyhow::ensure!(!state.services.is_empty(), "no stack runs here: start one with `make dev`");
    Ok(state)
}

fn services(paths: &Paths, running: &[local::service::Running]) -> String {
    let rows: Vec<[String; 5]> = running
        .iter()
        .map(|one| {
            let alive =
                if one.process.is_alive() { one.process.pid.to_string() } else { "ended".into() };
            let log = paths.short(&one.log).to_string();
            [one.name.clone(), one.what.clone(), one.address.clone(), alive, log]
        })
        .collect();
    table(["service", "what", "address", "process", "log"], &rows)
}

fn print(text: &str) -> Result<()> {
    Ok(stdout().lock().write_all(text.as_bytes())?)
}
