//! Serves the whole product on `HOST_ADDRESS`; with the argument `migrate`, migrates and ends.

use anyhow::Context;
use shared::app::Parts;
use shared::{App, config, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::start();
    let app = App::new(Parts::default());
    match std::env::args().nth(1).as_deref() {
        None => serve(app).await,
        Some("migrate") => {
            let migrated = platform::migrate::migrate().await?;
            tracing::info!(applied = ?migrated.applied, version = migrated.version, "migrated");
            Ok(())
        }
        Some(other) => anyhow::bail!("`{other}` is nothing I can do: no argument, or `migrate`"),
    }
}

async fn serve(app: App) -> anyhow::Result<()> {
    let address = config::host_address()?;
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another host running?"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let server = axum::serve(listener, host::router(app)?);
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    Ok(server.with_graceful_shutdown(stop).await?)
}
