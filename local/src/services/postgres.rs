//! PostgreSQL 18 with pgvector: a cluster of our own, passwords of our own, never root.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{hex, install::Postgres, paths::Paths, process::Ask, progress::Step, service::Service};

/// What the cluster is told beyond its defaults. Sizes are a laptop's.
const SETTINGS: [(&str, &str); 9] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("password_encryption", "scram-sha-256"),
    ("max_connections", "200"),
    ("shared_buffers", "128MB"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %u@%d "),
];

/// Made once a cluster, kept beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Passwords {
    /// The superuser: used while starting, by nothing else.
    pub superuser: String,
    /// `cadre_owner`: owns the tables, migrates.
    pub owner: String,
    /// `app`: what every function is.
    pub app: String,
}

/// The cluster of one stack.
#[derive(Debug, Clone)]
pub struct Cluster {
    tools: Postgres,
    home: PathBuf,
    pub port: u16,
    pub passwords: Passwords,
}

impl Cluster {
    /// Finds the cluster of this stack, or makes it.
    pub fn open(paths: &Paths, tools: &Postgres, port: u16) -> Result<Self> {
        let home = tools.user.folder(&paths.stack.join("cluster"))?;
        let kept = home.join("passwords.json");
        // Without its passwords a cluster is of no use to anybody, and a
        // half-made one has no version file: both begin afresh.
        let whole =
            home.join("data/PG_VERSION").exists() && home.join("data/global/pg_control").exists();
        let passwords = fs::read_to_string(&kept).ok().filter(|_| whole);
        if let Some(text) = passwords {
            let passwords = serde_json::from_str(&text).context("passwords.json")?;
            return Ok(Self { tools: tools.clone(), home, port, passwords });
        }

        let _ = fs::remove_dir_all(home.join("data"));
        let passwords = Passwords { superuser: secret()?, owner: secret()?, app: secret()? };
        let cluster = Self { tools: tools.clone(), home, port, passwords };
        let log = paths.log("initdb");
        let step = Step::begin("postgres: making the cluster");
        cluster.make(&log).with_context(|| format!("initdb: see {}", paths.short(&log)))?;
        step.done("");
        tools.user.write_private(&kept, &serde_json::to_string_pretty(&cluster.passwords)?)?;
        Ok(cluster)
    }

    fn make(&self, log: &Path) -> Result<()> {
        let file = self.home.join("superuser");
        self.tools.user.write_private(&file, &self.passwords.superuser)?;
        let out = File::create(log)?;
        let made = self
            .tools
            .command("initdb")
            .args(["--username", "postgres", "--auth", "scram-sha-256", "--encoding", "UTF8"])
            .args(["--locale", "C.UTF-8", "--pwfile"])
            .arg(&file)
            .arg("--pgdata")
            .arg(self.home.join("data"))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .status();
        fs::remove_file(&file)?;
        ensure!(made?.success(), "it failed");
        Ok(())
    }

    pub fn service(&self, extra: &[(String, String)]) -> Service {
        let mut command = self.tools.command("postgres");
        command.arg("-D").arg(self.home.join("data")).args(["-p", &self.port.to_string()]);
        let own = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (name, value) in own.iter().chain(extra) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Service {
            name: "postgres",
            what: "PostgreSQL 18 + pgvector",
            address: format!("127.0.0.1:{}", self.port),
            command,
            ask: Ask::Interrupt,
            patience: Duration::from_mins(1),
            ready: {
                let cluster = self.clone();
                Box::new(move || cluster.sql("postgres", "select 1").map(|_| ()))
            },
        }
    }

    /// Runs SQL as the superuser and returns what it prints. `pub` for tests that look behind the scenes.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.psql("postgres", &self.passwords.superuser, self.port, database);
        answer(psql.arg("-c").arg(sql))
    }

    /// `psql`, set up to speak to a database, bare output.
    pub fn psql(&self, user: &str, password: &str, port: u16, database: &str) -> Command {
        let mut command = self.tools.command("psql");
        command
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"])
            .args(["--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1"])
            .args(["--port", &port.to_string(), "--username", user, "--dbname", database])
            .env("PGPASSWORD", password)
            .env("PGCONNECT_TIMEOUT", "5");
        command
    }

    /// The roles. Again at every start, so that the passwords on file are the true ones.
    pub fn bootstrap(&self) -> Result<()> {
        let Passwords { owner, app, .. } = &self.passwords;
        // Generated passwords are hexadecimal: nothing to quote.
        let roles = format!(
            "do $$ begin
                if not exists (select from pg_roles where rolname = 'cadre_owner') then
                    create role cadre_owner;
                end if;
                if not exists (select from pg_roles where rolname = 'app') then
                    create role app;
                end if;
            end $$;
            alter role cadre_owner login createrole nosuperuser nobypassrls password '{owner}';
            alter role app login nocreaterole nosuperuser nobypassrls password '{app}';"
        );
        self.sql("postgres", &roles)?;
        self.database("cadre", None)
    }

    /// A database owned by `cadre_owner`, with the extensions; nothing if it exists.
    pub fn database(&self, name: &str, template: Option<&str>) -> Result<()> {
        for name in [Some(name), template].into_iter().flatten() {
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            ensure!(name.bytes().all(plain), "no name for a database: '{name}' (a-z, 0-9, _)");
        }
        let there = format!("select 1 from pg_database where datname = '{name}'");
        if self.sql("postgres", &there)?.is_empty() {
            let template = template.unwrap_or("template1");
            let make = format!("create database {name} owner cadre_owner template {template}");
            self.sql("postgres", &make)?;
        }
        self.sql(name, "set client_min_messages = warning; create extension if not exists vector")?;
        Ok(())
    }

    /// Where migrations go: the owner, directly.
    pub fn owner_url(&self, database: &str) -> String {
        let Self { port, passwords, .. } = self;
        format!("postgres://cadre_owner:{}@127.0.0.1:{port}/{database}", passwords.owner)
    }
}

/// What a command prints; its complaint as the error.
pub fn answer(command: &mut Command) -> Result<String> {
    let out = command.stdin(Stdio::null()).output()?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr).trim());
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// 128 random bits, in hexadecimal.
pub fn secret() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex(&bytes))
}
