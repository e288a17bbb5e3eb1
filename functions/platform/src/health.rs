//! `GET /v1/health`: whether this deployment can do its work.

use std::time::Duration;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use shared::http::Json;
use shared::{App, Error, Result};

use crate::queries;

const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Serialize, JsonSchema)]
pub struct Health {
    /// `ok`: Postgres and Redis answered. Otherwise the answer is a 503 problem.
    pub status: String,
    pub version: String,
}

pub async fn handle(State(app): State<App>) -> Result<Json<Health>> {
    let slow = |_| Error::Unavailable(anyhow::anyhow!("no answer within {PATIENCE:?}"));
    let both = async { tokio::try_join!(postgres(app), redis(app)) };
    tokio::time::timeout(PATIENCE, both).await.map_err(slow)??;
    Ok(Json(Health { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into() }))
}

async fn postgres(app: App) -> Result<()> {
    app.db()?.system(async |tx| queries::ping(tx).await).await
}

async fn redis(app: App) -> Result<()> {
    Ok(app.redis()?.ping().await?)
}
