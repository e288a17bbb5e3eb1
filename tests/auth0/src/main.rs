//! The local Auth0 as a program. Settings come as JSON in `AUTH0_SETTINGS`: arguments are seen by
//! every user of a machine, and these hold secrets.

use anyhow::{Context, Result};
use auth0::Settings;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<()> {
    let text = std::env::var("AUTH0_SETTINGS").context("AUTH0_SETTINGS is not set")?;
    let settings: Settings = serde_json::from_str(&text).context("AUTH0_SETTINGS")?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        served = auth0::serve(settings) => served,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}
