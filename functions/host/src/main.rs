//! Serves the whole product on `HOST_ADDRESS`.

use anyhow::Context;
use shared::app::Parts;
use shared::{App, config, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::start();
    let address = config::host_address()?;
    let app = App::new(Parts::default());
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
