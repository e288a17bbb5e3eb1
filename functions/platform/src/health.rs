//! `GET /v1/health`: whether this deployment can do its work.

use std::time::Duration;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use shared::http::Json;
use shared::{App, Error, Result};

use crate::queries;

const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

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

/// Asked until it answers: one slow answer closes the client's way to it for a second, and a second
/// of going on without Redis is not a deployment that cannot do its work.
async fn redis(app: App) -> Result<()> {
    while let Err(gone) = app.redis()?.ping().await {
        tracing::debug!(%gone, "asking Redis again");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
