//! The record, seen from behind the door: as its owner, and as the role of the functions.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use shared::config;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use uuid::Uuid;

/// The owner, directly. Row-level security holds for it too.
pub(crate) async fn owner() -> Result<Client> {
    connect(&owner_config()?).await
}

/// The role of the functions, directly: past the pooler, which such tests do not concern.
pub(crate) async fn app() -> Result<Client> {
    let pooled: Config = config::Database::from_env()?.url.expose().parse()?;
    let mut direct = owner_config()?;
    direct.user(pooled.get_user().context("no user")?);
    direct.password(pooled.get_password().context("no password")?);
    connect(&direct).await
}

/// The same role in another database of the same cluster.
pub(crate) async fn app_of(database: &str) -> Result<Client> {
    let pooled: Config = config::Database::from_env()?.url.expose().parse()?;
    let mut direct = owner_config()?;
    direct.user(pooled.get_user().context("no user")?);
    direct.password(pooled.get_password().context("no password")?);
    connect(direct.dbname(database)).await
}

pub(crate) async fn owner_of(database: &str) -> Result<Client> {
    connect(owner_config()?.dbname(database)).await
}

fn owner_config() -> Result<Config> {
    Ok(config::Database::migrations()?.url.expose().parse()?)
}

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What the database said.
pub(crate) fn why(error: &tokio_postgres::Error) -> String {
    let said = error.as_db_error().map(|db| format!("{}: {}", db.code().code(), db.message()));
    said.unwrap_or_else(|| error.to_string())
}

/// The rows that a query gives, each as its columns' texts.
pub(crate) async fn rows(client: &Client, sql: &str) -> Result<Vec<Vec<String>>> {
    let messages = client.simple_query(sql).await.map_err(|e| anyhow::anyhow!(why(&e)))?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    });
    Ok(rows.collect())
}

/// Every table that belongs to tenants, `tenants` itself included.
pub(crate) async fn tables(client: &Client) -> Result<Vec<String>> {
    let sql = "
        select c.relname
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and c.relname <> 'refinery_schema_history'
        order by c.relname";
    Ok(rows(client, sql).await?.into_iter().map(|mut row| row.remove(0)).collect())
}

/// All that is on record of a tenant, table by table, as a digest: equal when nothing changed.
pub(crate) async fn fingerprint(client: &Client, tenant: Uuid) -> Result<BTreeMap<String, String>> {
    let tables = tables(client).await?;
    client.batch_execute(&format!("begin; select sec.enter('{tenant}')")).await?;
    let mut found = BTreeMap::new();
    for table in tables {
        let key = if table == "tenants" { "id" } else { "tenant_id" };
        let sql = format!(
            "select count(*), md5(coalesce(string_agg(t::text, chr(10) order by t::text), ''))
             from {table} t
             where {key} = '{tenant}'"
        );
        let row = rows(client, &sql).await?.remove(0);
        found.insert(table, row.join(" rows, "));
    }
    client.batch_execute("rollback").await?;
    Ok(found)
}
