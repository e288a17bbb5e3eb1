//! Task: bring the database to the newest migration. Direct connection, as the owner, past the
//! pooler. Running it again changes nothing.

use refinery::Runner;
use serde::{Deserialize, Serialize};
use shared::db::connect_owner;
use shared::{App, Error, Result, config};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

#[derive(Deserialize)]
pub struct Nothing {}

#[derive(Debug, Serialize)]
pub struct Migrated {
    /// Migrations that this call applied, oldest first.
    pub applied: Vec<String>,
    /// The newest version the database is at.
    pub version: i64,
}

pub async fn handle(_: App, _: Nothing) -> Result<Migrated> {
    migrate().await
}

pub async fn migrate() -> Result<Migrated> {
    let settings = config::Database::migrations().map_err(Error::Internal)?;
    let mut client = connect_owner(&settings).await?;
    let runner = runner();
    let report = runner.run_async(&mut client).await.map_err(|e| Error::Internal(e.into()))?;
    let applied = report.applied_migrations().iter().map(ToString::to_string).collect();
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max();
    Ok(Migrated { applied, version: newest.map(i64::from).unwrap_or_default() })
}

/// Each migration in a transaction of its own; a changed or missing one is an error.
pub fn runner() -> Runner {
    embedded::migrations::runner().set_abort_divergent(true).set_abort_missing(true)
}
