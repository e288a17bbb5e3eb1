//! The stack that a benchmark runs on: a cluster, a pooler and neighbours of its own, so that what
//! they spend is spent for the benchmark and for nobody else.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use local::paths::Paths;
use local::stack::{Options, Part, Stack, State};

use crate::neighbours::{Addresses, Neighbours};

/// The name of the stack, below `.local/`.
const STACK: &str = "bench";

/// What a benchmark knows about where it runs.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) paths: Paths,
    pub(crate) state: State,
    pub(crate) neighbours: Addresses,
}

/// Starts everything, runs this program again inside of it (functions read their settings from the
/// environment, and a process cannot safely change its own), and ends everything. The answer is
/// whether the figures are as they must be.
pub(crate) fn within(arguments: &[String]) -> Result<bool> {
    let options = Options { name: Some(STACK.into()), ..Options::default() };
    let options =
        [Part::Emulator, Part::Model, Part::OpenId].into_iter().fold(options, Options::without);
    let stack = Stack::up(&options)?;
    let neighbours = Neighbours::start()?;
    let inside = Command::new(std::env::current_exe()?)
        .args(arguments)
        .arg("--inside")
        .arg(serde_json::to_string(&neighbours.addresses)?)
        .envs(environment(stack.env(), &neighbours.addresses))
        .status()?;
    stack.down();
    ensure!(inside.code().is_some_and(|code| code < 2), "the benchmark failed: {inside}");
    Ok(inside.success())
}

impl Surroundings {
    /// In the process that [`within`] started.
    pub(crate) fn around_us(neighbours: &str) -> Result<Self> {
        let paths = Paths::find(Some(STACK))?;
        let state = State::read(&paths);
        Ok(Self { paths, state, neighbours: serde_json::from_str(neighbours)? })
    }

    /// Every variable that functions read.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        environment(&self.state.environment, &self.neighbours)
    }

    pub(crate) fn pid(&self, service: &str) -> Result<i32> {
        let running = self.state.services.iter().find(|running| running.name == service);
        Ok(running.with_context(|| format!("no {service} runs"))?.process.pid)
    }

    /// The port of Postgres itself, past its pooler.
    pub(crate) fn postgres_port(&self) -> Result<u16> {
        let running = self.state.services.iter().find(|running| running.name == "postgres");
        let port = running.and_then(|running| running.address.rsplit_once(':')?.1.parse().ok());
        port.context("no Postgres runs")
    }
}

fn environment(stack: &BTreeMap<String, String>, beside: &Addresses) -> BTreeMap<String, String> {
    let known = [
        ("MODEL_PROVIDER", "openai"),
        ("MODEL_BASE_URL", &beside.model),
        ("MODEL_NAME", "scripted-1"),
        ("AWS_ENDPOINT_URL", &beside.states),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("DYNAMODB_TABLE", "cadre"),
        ("RUN_STATE_MACHINE_ARN", "arn:aws:states:eu-west-1:123456789012:stateMachine:run"),
        ("LOG_LEVEL", "info"),
    ];
    let known = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
    stack.clone().into_iter().chain(known).collect()
}
