//! Benchmarks: what a cold start costs, what Cadre adds to an agent's turn, and what a token costs.

mod clock;
mod cold;
mod document;
mod figures;
mod machine;
mod neighbours;
mod peers;
mod surroundings;
mod turn;
mod verify;

use std::fs;
use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use local::progress::say;

use document::Document;
use machine::Machine;
use surroundings::Surroundings;

/// Measures Cadre, as it is built for release, on a stack of its own.
#[derive(Parser)]
#[command(name = "bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Where it runs, as its own first process found it
    #[arg(long, global = true, hide = true)]
    inside: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// What a cold start of each function costs; fails when a budget is broken
    ColdStart(ColdStart),
    /// What Cadre adds to an agent's turn, and completed runs per second
    Turn(Turn),
    /// What verifying a caller's token costs
    Verify(Verify),
    /// All, written to docs/benchmarks.md and docs/benchmarks.json
    All,
    /// The scripted models and Step Functions, for the other verbs
    #[command(hide = true)]
    Neighbours,
}

#[derive(Args)]
struct ColdStart {
    /// Only these functions
    functions: Vec<String>,
    /// Fresh processes for each function
    #[arg(long, default_value_t = cold::Size::default().sandboxes)]
    sandboxes: usize,
    /// Events after the first, for each process
    #[arg(long, default_value_t = cold::Size::default().warm_events)]
    warm_events: usize,
    /// Take the functions' zips as they are, and build nothing
    #[arg(long)]
    as_they_are: bool,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Print the budgets, and measure nothing
    #[arg(long)]
    budget: bool,
}

#[derive(Args)]
struct Verify {
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Turn {
    /// Fewer and shorter rounds
    #[arg(long)]
    quick: bool,
    /// JSON instead of tables
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            say(&format!("\n  {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Whether the figures are as they must be.
#[tokio::main]
async fn run(cli: &Cli) -> Result<bool> {
    match &cli.verb {
        Verb::Neighbours => return neighbours::serve().await.map(|()| true),
        Verb::ColdStart(ColdStart { budget: true, .. }) => {
            return print(&cold::budget::list()).map(|()| true);
        }
        // Needs nothing around it.
        Verb::Verify(wanted) => {
            let report = verify::run().await?;
            let json = wanted.json.then(|| serde_json::to_string_pretty(&report)).transpose()?;
            print(&json.unwrap_or_else(|| document::verify(&report)))?;
            return Ok(report.goals().is_some_and(|goal| goal.holds));
        }
        _ => {}
    }
    let Some(inside) = &cli.inside else {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        return tokio::task::spawn_blocking(move || surroundings::within(&arguments)).await?;
    };
    let around = Surroundings::around_us(inside)?;
    match &cli.verb {
        Verb::ColdStart(wanted) => cold_start(&around, wanted).await,
        Verb::Turn(wanted) => {
            let size = if wanted.quick { turn::Size::QUICK } else { turn::Size::WHOLE };
            let report = turn::run(&around, size).await?;
            let json = wanted.json.then(|| serde_json::to_string_pretty(&report)).transpose()?;
            print(&json.unwrap_or_else(|| document::turn(&report)))?;
            Ok(true)
        }
        _ => all(&around).await,
    }
}

async fn cold_start(around: &Surroundings, wanted: &ColdStart) -> Result<bool> {
    let size = cold::Size {
        functions: wanted.functions.clone(),
        sandboxes: wanted.sandboxes,
        warm_events: wanted.warm_events,
        as_they_are: wanted.as_they_are,
    };
    let report = cold::run(around, &size).await?;
    let json = wanted.json.then(|| serde_json::to_string_pretty(&report)).transpose()?;
    print(&json.unwrap_or_else(|| document::cold_start(&report)))?;
    Ok(within_budget(&report))
}

async fn all(around: &Surroundings) -> Result<bool> {
    let machine = Machine::here("make bench")?;
    let turn = turn::run(around, turn::Size::WHOLE).await?;
    let verify = verify::run().await?;
    let cold_start = cold::run(around, &cold::Size::default()).await?;
    let holds = within_budget(&cold_start);
    let document = Document::new(machine, cold_start, turn, verify);
    let docs = around.paths.root.join("docs");
    fs::create_dir_all(&docs)?;
    fs::write(docs.join("benchmarks.md"), document.markdown())?;
    fs::write(docs.join("benchmarks.json"), serde_json::to_string_pretty(&document)? + "\n")?;
    print(&document.markdown())?;
    Ok(holds)
}

fn within_budget(report: &cold::Report) -> bool {
    let broken: Vec<String> = report.rows.iter().flat_map(cold::budget::broken).collect();
    for line in &broken {
        say(&format!("  over budget: {line}"));
    }
    broken.is_empty()
}

fn print(text: &str) -> Result<()> {
    Ok(writeln!(stdout().lock(), "{text}")?)
}
