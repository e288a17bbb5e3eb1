//! Serves the whole product on `HOST_ADDRESS`; with the argument `migrate`, migrates and ends.

use std::net::SocketAddr;

use anyhow::Context;
use shared::app::Parts;
use shared::{App, config, telemetry};
use tokio::signal::unix::{SignalKind, signal};

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
    let address = listener.local_addr()?;
    let loopback = address.ip().is_loopback();
    let router = if loopback { host::router(app)? } else { host::api(app)? };
    tracing::info!(%address, invoke_api = loopback, "listening");
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop()).await?)
}

/// Ctrl-C, or the signal that supervisors and container runtimes send.
async fn stop() {
    let mut terminated = match signal(SignalKind::terminate()) {
        Ok(terminated) => terminated,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM will end it without a pause");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
