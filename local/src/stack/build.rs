//! Which services a stack has, on which ports, in which order, and what functions are told about them.

use std::{fs::File, io::Read, net::TcpStream, path::PathBuf};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Owner, Stack, State, state::Wish, supervisor};
use crate::{
    build, emulator,
    install::Tools,
    openid,
    paths::Paths,
    ports,
    service::{Service, Started},
    services::{
        auth0, ministack, model, pgbouncer,
        postgres::{Cluster, secret},
        redis,
    },
    settings,
};

/// A part of the stack that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// PostgreSQL and its pooler.
    Database,
    Redis,
    Emulator,
    OpenId,
    /// The demonstration model, unless the person chose another by `MODEL_…`.
    Model,
}

/// What to run. The default is everything.
#[derive(Debug, Clone)]
pub struct Options {
    /// A stack of its own below `.local/<name>/`; without, the one in `.local/`.
    pub name: Option<String>,
    pub parts: Vec<Part>,
    /// Leave it running when this process ends.
    pub detached: bool,
    /// Server connections of the pooler, for each database.
    pub pool_size: u16,
    /// Without, as many as the machine can spare at the start.
    pub model_threads: Option<u16>,
    /// Conversations that the model serves side by side.
    pub model_slots: u16,
    /// Settings for PostgreSQL beyond ours, such as `("fsync", "off")` for tests.
    pub postgres: Vec<(String, String)>,
    /// The compiled forwarder; without, the one beside this program.
    pub forwarder: Option<PathBuf>,
    /// The compiled local Auth0; without, it is compiled.
    pub auth0: Option<PathBuf>,
}

impl Options {
    #[must_use]
    pub fn without(mut self, part: Part) -> Self {
        self.parts.retain(|kept| *kept != part);
        self
    }

    fn with(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            parts: vec![Part::Database, Part::Redis, Part::Emulator, Part::OpenId, Part::Model],
            detached: false,
            pool_size: 20,
            model_threads: None,
            model_slots: 2,
            postgres: vec![],
            forwarder: None,
            auth0: None,
        }
    }
}

/// What the person wants of the model.
fn wish(options: &Options) -> Wish {
    let settings = settings::handed_on().into_iter();
    let settings = settings.filter(|(name, _)| name.starts_with("MODEL_")).collect();
    Wish { settings, demonstration: wants_model(options) }
}

pub(super) fn wants_model(options: &Options) -> bool {
    options.with(Part::Model) && !settings::model_chosen()
}

/// The compiled forwarder: beside this program, or one up when this is a test.
pub(super) fn forwarder(options: &Options) -> Result<PathBuf> {
    if let Some(given) = &options.forwarder {
        return Ok(given.clone());
    }
    build::beside("forwarder").context("cargo build -p local")
}

/// What refresh tokens are encrypted with.
fn session_key() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(BASE64_STANDARD.encode(bytes))
}

/// Whether what runs is all that is asked for, alive and answering.
pub(super) fn serves(state: &State, options: &Options) -> bool {
    let wanted = [
        ("postgres", options.with(Part::Database)),
        ("pgbouncer", options.with(Part::Database)),
        ("redis", options.with(Part::Redis)),
        ("emulator", options.with(Part::Emulator)),
        ("openid", options.with(Part::OpenId)),
    ];
    let told = settings::handed_on();
    let same = told.iter().all(|(name, value)| state.environment.get(name) == Some(value));
    let runs = |name: &str| state.services.iter().any(|running| running.name == name);
    same && state.wish.covers(&wish(options))
        && wanted.iter().all(|(name, wanted)| !wanted || runs(name))
        && state
            .services
            .iter()
            .all(|running| running.process.is_alive() && connects(&running.address))
}

/// Whether somebody listens at an address such as `127.0.0.1:1` or `http://127.0.0.1:1/x`.
fn connects(address: &str) -> bool {
    let authority = address.trim_start_matches("http://").split('/').next().unwrap_or_default();
    TcpStream::connect(authority).is_ok()
}

/// Starts everything: what waits for nothing first, side by side; then each is waited for.
pub(super) fn start(paths: Paths, options: &Options, tools: &Tools) -> Result<Stack> {
    let [postgres, pooler, cache, aws, issuer, llm, host] =
        ports::kept(&paths.stack.join("ports.json"))?;
    let mut state = State {
        supervisor: supervisor(options.detached)?,
        wish: wish(options),
        ..State::default()
    };
    let mut tell = |name: &str, value: String| state.environment.insert(name.to_owned(), value);
    tell("HOST_ADDRESS", format!("127.0.0.1:{host}"));
    tell("LOG_LEVEL", "info".to_owned());
    // The host serves many at a time; a Lambda serves one and keeps one.
    tell("DATABASE_POOL", "8".to_owned());

    let mut early: Vec<Service> = vec![];
    if options.with(Part::Redis) {
        early.push(redis::service(&paths, cache)?);
        tell("REDIS_URL", format!("redis://127.0.0.1:{cache}"));
    }
    if options.with(Part::Emulator) {
        early.push(ministack::service(&paths, aws)?);
        tell("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{aws}"));
        tell("AWS_REGION", emulator::REGION.to_owned());
        tell("DYNAMODB_TABLE", emulator::TABLE.to_owned());
        tell("AWS_ACCESS_KEY_ID", emulator::KEY.0.to_owned());
        tell("AWS_SECRET_ACCESS_KEY", emulator::KEY.1.to_owned());
    }
    let mut sign_in = None;
    if options.with(Part::OpenId) {
        let secrets =
            auth0::Secrets { client: secret()?, machine: secret()?, management: secret()? };
        let address = openid::issuer(issuer);
        tell("AUTH_JWKS_URL", openid::jwks_url(&address));
        tell("AUTH_ISSUER", address);
        tell("AUTH_AUDIENCE", openid::AUDIENCE.to_owned());
        tell("AUTH_CLIENTS", openid::CLIENTS.to_owned());
        tell("AUTH_CLIENT_ID", "web".to_owned());
        tell("AUTH_CLIENT_SECRET", secrets.client.clone());
        // Not the number: to a browser this is another site than the issuer, as it is in life.
        let public = format!("http://localhost:{host}");
        tell("PUBLIC_URL", public.clone());
        tell("SESSION_KEY", session_key()?);
        tell("MACHINE_SECRET", secrets.machine.clone());
        tell("MANAGEMENT_CLIENT_ID", "management".to_owned());
        tell("MANAGEMENT_CLIENT_SECRET", secrets.management.clone());
        sign_in = Some((secrets, public));
    }
    if let Some(weights) = tools.model.as_ref().filter(|_| wants_model(options)) {
        let threads = options.model_threads.unwrap_or_else(model::threads);
        early.push(model::service(&paths, weights, llm, threads, options.model_slots));
        tell("MODEL_PROVIDER", "openai".to_owned());
        tell("MODEL_BASE_URL", format!("http://127.0.0.1:{llm}/v1"));
        tell("MODEL_NAME", model::NAME.to_owned());
        tell("MODEL_CONTEXT_TOKENS", "1500".to_owned());
        // Left to itself a model this small repeats one sentence for ever.
        tell(
            "MODEL_SAMPLING",
            r#"{"repeat_penalty":1.18,"repeat_last_n":256,"top_p":0.9}"#.to_owned(),
        );
        // A cold page cache and a busy laptop: slow is not broken.
        tell("MODEL_TIMEOUT_SECONDS", "120".to_owned());
    } else if !settings::model_chosen() {
        tell("MODEL_PROVIDER", "extractive".to_owned());
    }
    state.environment.extend(settings::handed_on());

    let mut stack = Stack {
        forwarder: if options.with(Part::Emulator) { forwarder(options)? } else { PathBuf::new() },
        paths,
        state,
        children: vec![],
        owner: Owner::Us,
        registered: None,
    };
    // First of all, while nothing else wants the processor: the first time it takes seconds.
    let cluster = options
        .with(Part::Database)
        .then(|| Cluster::open(&stack.paths, &tools.postgres, postgres));
    let cluster = cluster.transpose()?;
    // From here on an early return ends what was started: `stack` is dropped.
    let mut waiting = vec![];
    for service in early {
        waiting.push(stack.begin(service)?);
    }
    if let Some(cluster) = cluster {
        waiting.push(stack.database_services(options, tools, &cluster, pooler)?);
    }
    stack.finish(waiting)?;
    if let Some((secrets, public)) = sign_in {
        // Last: it may have to be compiled, and all else answers meanwhile.
        let program = options.auth0.clone().map_or_else(build::auth0, Ok)?;
        let service = auth0::service(&stack.paths, &program, issuer, &secrets, &public);
        let started = stack.begin(service)?;
        stack.finish(vec![started])?;
    }
    stack.register()?;
    if options.detached {
        stack.owner = Owner::Nobody;
    }
    Ok(stack)
}

impl Stack {
    /// PostgreSQL, ready; and its pooler, which may not answer yet.
    fn database_services(
        &mut self,
        options: &Options,
        tools: &Tools,
        cluster: &Cluster,
        pooler: u16,
    ) -> Result<Started> {
        let postgres = self.begin(cluster.service(&options.postgres))?;
        self.finish(vec![postgres])?;
        cluster.bootstrap().context("preparing the database")?;

        let size = options.pool_size;
        let service = pgbouncer::service(&self.paths, &tools.postgres, cluster, pooler, size)?;
        let app = pgbouncer::app_url(cluster, pooler, "cadre");
        let environment = &mut self.state.environment;
        environment.insert("DATABASE_URL".to_owned(), app);
        environment.insert("MIGRATE_DATABASE_URL".to_owned(), cluster.owner_url("cadre"));
        self.begin(service)
    }
}
