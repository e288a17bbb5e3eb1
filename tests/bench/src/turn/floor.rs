//! What no engine can do without: one call of the model and one commit a turn, by the same client
//! library, through the same pooler, to the same database.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use super::meter::{Meter, Spent};
use crate::figures::ms;

/// As many as the host's pool.
const CONNECTIONS: usize = 8;
const INSERT: &str = "insert into bench_floor (content) values ($1)";

#[derive(Clone)]
pub(crate) struct Floor {
    http: reqwest::Client,
    model: String,
    database: Arc<Vec<Client>>,
}

impl Floor {
    /// `owner` makes the table, `app` writes.
    pub(crate) async fn new(model: &str, owner: &str, app: &str) -> Result<Self> {
        let table = "create table if not exists bench_floor (
                         id bigint generated always as identity primary key, content text not null,
                         at timestamptz not null default now());
                     grant insert on bench_floor to app";
        connect(owner).await?.batch_execute(table).await?;
        let mut database = Vec::new();
        for _ in 0..CONNECTIONS {
            database.push(connect(app).await?);
        }
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let model = format!("{model}/chat/completions");
        Ok(Self { http, model, database: Arc::new(database) })
    }

    async fn turn(&self, connection: usize) -> Result<()> {
        let text = "x".repeat(800);
        let body = json!({
            "model": "scripted-1", "stream": true, "max_tokens": 512,
            "messages": [{ "role": "system", "content": text }, { "role": "user", "content": text }],
        });
        let answer = self.http.post(&self.model).json(&body).send().await?.error_for_status()?;
        let answer = answer.bytes().await?;
        let text = std::str::from_utf8(&answer)?;
        let database = &self.database[connection % self.database.len()];
        database.execute_typed(INSERT, &[(&text, Type::TEXT)]).await?;
        Ok(())
    }

    /// Turn after turn: what each took, in milliseconds, and what they cost.
    pub(crate) async fn turns(&self, meter: Meter, turns: usize) -> Result<(Vec<f64>, Spent)> {
        self.turn(0).await?;
        let reading = meter.read()?;
        let mut took = Vec::with_capacity(turns);
        for _ in 0..turns {
            let began = Instant::now();
            self.turn(0).await?;
            took.push(ms(began.elapsed()));
        }
        Ok((took, reading.spent()?))
    }

    /// Runs of so many turns, so many side by side.
    pub(crate) async fn crowd(
        &self,
        meter: Meter,
        (turns, runs, at_once): (usize, usize, usize),
    ) -> Result<Spent> {
        let reading = meter.read()?;
        let mut crowd = JoinSet::new();
        for worker in 0..at_once {
            let floor = self.clone();
            let mine = runs / at_once + usize::from(worker < runs % at_once);
            crowd.spawn(async move {
                for _ in 0..mine * turns {
                    floor.turn(worker).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = crowd.join_next().await {
            ended??;
        }
        reading.spent()
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("the database")?;
    tokio::spawn(connection);
    Ok(client)
}
