//! A database of a test's own, in the cluster of the test stack, gone when the test ends.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use local::install;
use local::paths::Paths;
use local::services::postgres::Cluster;
use local::stack::State;
use shared::config;
use tokio_postgres::Client;

use crate::record;

pub(crate) struct Scratch {
    cluster: Cluster,
    name: String,
}

impl Scratch {
    /// Empty.
    pub(crate) fn new() -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("scratch_{}_{number}", std::process::id());
        let cluster = cluster()?;
        cluster.database(&name, None)?;
        Ok(Self { cluster, name })
    }

    /// As the newest migration leaves it.
    pub(crate) async fn migrated() -> Result<Self> {
        let scratch = Self::new()?;
        platform::migrate::runner().run_async(&mut scratch.owner().await?).await?;
        Ok(scratch)
    }

    pub(crate) async fn owner(&self) -> Result<Client> {
        record::owner_of(&self.name).await
    }

    pub(crate) async fn app(&self) -> Result<Client> {
        record::app_of(&self.name).await
    }

    /// As the superuser, whom no policy binds.
    pub(crate) fn superuser(&self, sql: &str) -> Result<String> {
        self.cluster.sql(&self.name, sql)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.cluster.sql("postgres", &format!("drop database {} with (force)", self.name));
    }
}

/// The cluster that the tests' settings lead to, among the stacks of this checkout.
fn cluster() -> Result<Cluster> {
    let url = config::Database::migrations()?.url;
    for stack in Paths::find(None)?.stacks() {
        let paths = Paths::find(stack.as_deref())?;
        let told = State::read(&paths).environment;
        if told.get("MIGRATE_DATABASE_URL") == Some(url.expose()) {
            let port = *url
                .expose()
                .parse::<tokio_postgres::Config>()?
                .get_ports()
                .first()
                .context("no port")?;
            return Cluster::open(&paths, &install::unpacked_postgres(&paths)?, port);
        }
    }
    anyhow::bail!("no stack of this checkout has this MIGRATE_DATABASE_URL: run `make test`")
}
