//! The supervisor: starts the services, knows whether they live, ends them by process id.

mod build;
mod state;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Child,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    emulator::{self, Source},
    install, interrupt, openid,
    paths::{Paths, tail},
    process::Identity,
    progress::{say, seconds},
    service::{self, Running, Service, Started, describe},
    services::{self, postgres::Cluster},
    user::User,
};
pub use build::{Options, Part};
pub use state::State;

/// A running stack. When it goes out of scope, what it started ends (unless detached).
pub struct Stack {
    paths: Paths,
    state: State,
    /// What this process started; empty when another start's stack is used.
    children: Vec<(String, Child)>,
    owner: Owner,
    forwarder: PathBuf,
    /// What the emulator was last told.
    registered: Option<Source>,
}

/// Who ends the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// This process, at the latest when its [`Stack`] goes out of scope.
    Us,
    /// Whoever says `stop`: a detached stack.
    Nobody,
    /// The process that started them. We end only what we added.
    Another,
}

impl Stack {
    /// Installs what is missing and starts the services, or uses those that an
    /// earlier start left running in good health.
    pub fn up(options: &Options) -> Result<Self> {
        interrupt::listen()?;
        let paths = Paths::find(options.name.as_deref())?;
        let _one_at_a_time = lock(&paths)?;
        let state = State::read(&paths);
        if !state.services.is_empty() {
            if build::serves(&state, options) {
                return Self::borrow(paths, state, options);
            }
            if let Some(other) = state.other_supervisor() {
                bail!(
                    "process {} runs a stack here that lacks what is asked for, or is unwell: `make stop` ends it",
                    other.pid
                );
            }
            let well = state.services.iter().all(|running| running.process.is_alive());
            say(if well {
                "  ending the stack that runs: it is not the one asked for"
            } else {
                "  ending what an earlier start left behind"
            });
            state.end_services();
            State::forget(&paths);
        }
        let tools = install::stack_tools(&paths, build::wants_model(options))?;
        build::start(paths, options, &tools)
    }

    fn borrow(paths: Paths, state: State, options: &Options) -> Result<Self> {
        say("  using the stack that is already running");
        let forwarder = build::forwarder(options)?;
        let (children, owner, registered) = (vec![], Owner::Another, None);
        let mut stack = Self { paths, state, children, owner, forwarder, registered };
        stack.register()?;
        Ok(stack)
    }

    /// Every variable that functions read, by name.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.state.environment
    }

    /// One of them.
    pub fn var(&self, name: &str) -> Result<&str> {
        self.env().get(name).map(String::as_str).with_context(|| format!("the stack has no {name}"))
    }

    /// What runs: for a table.
    pub fn services(&self) -> &[Running] {
        &self.state.services
    }

    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Where the host answers, once started.
    pub fn host_url(&self) -> Result<String> {
        Ok(format!("http://{}", self.var("HOST_ADDRESS")?))
    }

    /// A real token of a person, by a real sign-in.
    pub fn sign_in(&self, person: &str) -> Result<String> {
        openid::sign_in(self.var("AUTH_ISSUER")?, person)
    }

    /// Whether a service is part of this stack.
    pub fn runs(&self, name: &str) -> bool {
        self.services().iter().any(|running| running.name == name)
    }

    /// Starts the host, or a newer build of it in place of the one that runs, and
    /// brings the emulator's functions and state machines up to date. Another
    /// process's host is used as it is.
    pub fn spawn_host(&mut self, binary: &Path) -> Result<()> {
        let ours = self.children.iter().any(|(name, _)| name == "host");
        let served = self.runs("host") || self.runs("watch");
        if self.owner == Owner::Another && served && !ours {
            return Ok(());
        }
        self.end_service("host");
        self.register()?;
        let host = services::host::service(binary, self.var("HOST_ADDRESS")?, self.env());
        let started = self.begin(host)?;
        self.finish(vec![started])
    }

    /// Serves the functions by `cargo lambda watch`, at the host's address and in its place, with
    /// the routes of the tables as they are now. `tools` is where `cargo-lambda` lies.
    pub fn spawn_watch(&mut self, tools: &Path) -> Result<()> {
        let ours = self.children.iter().any(|(name, _)| name == "watch");
        let served = self.runs("host") || self.runs("watch");
        if self.owner == Owner::Another && served && !ours {
            bail!("another process serves the functions of this stack: `make stop` ends it");
        }
        self.end_service("host");
        self.end_service("watch");
        let (source, address) = (Source::read(&self.paths.root)?, self.var("HOST_ADDRESS")?);
        let watch = services::watch::service(&self.paths, tools, &source, address, self.env())?;
        let started = self.begin(watch)?;
        self.register()?;
        self.finish(vec![started])
    }

    /// Ends one service, if it runs.
    pub fn end_service(&mut self, name: &str) {
        for running in self.state.services.iter().filter(|running| running.name == name) {
            running.end();
        }
        self.state.services.retain(|running| running.name != name);
        self.collect(|child| child == name);
    }

    /// Another database of this stack's cluster, with the same roles, for a test of its
    /// own; a copy of `template` if given. Returns what it changes in [`Stack::env`].
    pub fn database(&self, name: &str, template: Option<&str>) -> Result<BTreeMap<String, String>> {
        let cluster = self.cluster()?;
        cluster.database(name, template)?;
        let through = |variable: &str, url: &str| {
            let (server, _) = url.rsplit_once('/').context("no database in the address")?;
            Ok::<_, anyhow::Error>((variable.to_owned(), format!("{server}/{name}")))
        };
        let pooled = through("DATABASE_URL", self.var("DATABASE_URL")?)?;
        let direct = through("MIGRATE_DATABASE_URL", self.var("MIGRATE_DATABASE_URL")?)?;
        Ok([pooled, direct].into())
    }

    /// Runs SQL as the superuser, for tests that look behind the scenes; returns what it prints.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        self.cluster()?.sql(database, sql)
    }

    fn cluster(&self) -> Result<Cluster> {
        let address = self.services().iter().find(|running| running.name == "postgres");
        let port = address.and_then(|running| running.address.rsplit_once(':')?.1.parse().ok());
        let tools = install::unpacked_postgres(&self.paths)?;
        Cluster::open(&self.paths, &tools, port.context("no PostgreSQL runs")?)
    }

    /// An error naming the first service that ended, with the end of its log.
    pub fn check(&mut self) -> Result<()> {
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                let log = self.paths.log(name);
                bail!(
                    "{name} ended ({}); the end of {}:\n{}",
                    describe(status),
                    self.paths.short(&log),
                    tail(&log, 12)
                );
            }
        }
        let gone = self.state.services.iter().find(|running| !running.process.is_alive());
        if let Some(Running { name, .. }) = gone {
            bail!("{name} ended: see {}", self.paths.short(&self.paths.log(name)));
        }
        Ok(())
    }

    /// Stays until Ctrl-C, or until a service ends, which is an error that names it.
    pub fn watch(&mut self) -> Result<()> {
        while !interrupt::asked() {
            self.check()?;
            sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Ends what this process started, in reverse order.
    pub fn down(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.owner == Owner::Another {
            let ours: Vec<String> = self.children.iter().map(|(name, _)| name.clone()).collect();
            for name in &ours {
                self.end_service(name);
            }
            // The owner goes on; it may have written since we read.
            let mut state = State::read(&self.paths);
            state.services.retain(|running| !ours.contains(&running.name));
            if !ours.is_empty() && !state.services.is_empty() {
                let _ = state.write(&self.paths);
            }
            return;
        }
        self.state.end_services();
        self.collect(|_| true);
        self.state.services.clear();
        State::forget(&self.paths);
    }

    /// Collects ended children, so that they do not stay as zombies.
    fn collect(&mut self, which: impl Fn(&str) -> bool) {
        for (name, child) in &mut self.children {
            if which(name) {
                let _ = child.wait();
            }
        }
        self.children.retain(|(name, _)| !which(name));
    }

    /// Starts a service and writes it down before it answers, so that nothing is
    /// left behind if we are killed in between.
    fn begin(&mut self, service: Service) -> Result<Started> {
        let started = service::start(&self.paths, service)?;
        self.state.services.push(started.running.clone());
        self.state.write(&self.paths)?;
        Ok(started)
    }

    /// Waits until they answer; ends those that do not.
    fn finish(&mut self, mut started: Vec<Started>) -> Result<()> {
        let waited = service::wait_for_all(&self.paths, &mut started, &interrupt::asked);
        let names: Vec<String> = started.iter().map(|one| one.running.name.clone()).collect();
        self.children.extend(names.iter().cloned().zip(started.into_iter().map(|one| one.child)));
        if waited.is_err() {
            for name in &names {
                self.end_service(name);
            }
        }
        waited
    }

    /// Tells the emulator of the functions and state machines of the checkout, if they changed.
    fn register(&mut self) -> Result<()> {
        let Some(endpoint) = self.env().get("AWS_ENDPOINT_URL").cloned() else { return Ok(()) };
        let mut source = Source::read(&self.paths.root)?;
        if self.runs("watch") {
            // After a change a function compiles before it answers.
            source = source.at_least(120);
        }
        if self.registered.as_ref() == Some(&source) {
            return Ok(());
        }
        let since = Instant::now();
        let host = self.host_url()?;
        let known = emulator::register(&endpoint, &source, &self.forwarder, &host)?;
        if let Some(arn) = known.machines.get("run") {
            self.state.environment.insert("RUN_STATE_MACHINE_ARN".to_owned(), arn.clone());
        }
        let (functions, machines) = (known.functions.len(), known.machines.len());
        let took = seconds(since.elapsed());
        say(&format!(
            "  ✓ emulator knows {functions} functions, {machines} state machines ({took})"
        ));
        self.registered = Some(source);
        self.state.write(&self.paths)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.owner != Owner::Nobody {
            self.end();
        }
    }
}

/// What `make stop` does. Returns how many services it ended.
pub fn stop(name: Option<&str>) -> Result<usize> {
    let paths = Paths::find(name)?;
    let state = State::read(&paths);
    let alive = state.services.iter().filter(|running| running.process.is_alive()).count();
    if let Some(supervisor) = state.other_supervisor() {
        // It ends its own children; we wait for it.
        supervisor.ask_to_end();
        let since = Instant::now();
        while supervisor.is_alive() && since.elapsed() < Duration::from_mins(1) {
            sleep(Duration::from_millis(50));
        }
        ensure!(!supervisor.is_alive(), "process {} does not end", supervisor.pid);
    }
    let _one_at_a_time = lock(&paths)?;
    State::read(&paths).end_services();
    State::forget(&paths);
    Ok(alive)
}

/// What `make clean` does: ends every stack of this checkout, and removes `.local/`
/// and what had to be put elsewhere.
pub fn clean() -> Result<()> {
    let paths = Paths::find(None)?;
    let user = User::unprivileged()?;
    let mut elsewhere = vec![user.place(&paths.tools.join("postgres"))];
    for name in paths.stacks() {
        let one = Paths::find(name.as_deref())?;
        stop(name.as_deref())?;
        elsewhere.extend(["cluster", "pgbouncer"].map(|part| user.place(&one.stack.join(part))));
    }
    for folder in elsewhere.iter().chain([&paths.tools]).filter(|folder| folder.exists()) {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

/// Starts and stops of one stack take turns.
fn lock(paths: &Paths) -> Result<File> {
    let lock = File::create(paths.stack.join("stack.lock"))?;
    if lock.try_lock().is_err() {
        say("  waiting for another start or stop of this stack");
        lock.lock()?;
    }
    Ok(lock)
}

/// This process, as the one that ends the services.
fn supervisor(detached: bool) -> Result<Option<Identity>> {
    if detached { Ok(None) } else { Identity::of_this_process().map(Some) }
}
