//! Auth0, as far as Cadre meets it, on loopback: for `make dev`, `make demo` and the tests.
//!
//! It never ships. What it copies of the real one is what our code can come to depend on: paths,
//! claims, errors, headers, the rotation of keys and of refresh tokens. What it adds is `/sim/…`,
//! where a test makes it slow, wrong or strict; see [`control`].

mod authorize;
mod claims;
pub mod control;
mod discovery;
pub mod events;
mod faults;
mod form;
mod keys;
mod limits;
mod login;
mod logout;
mod management;
mod oauth;
mod pages;
mod people;
mod refresh;
mod settings;
mod sim;
mod token;
pub mod world;

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub use faults::{Fault, Kind};
pub use limits::Rate;
pub use people::{OTP, PASSWORD};
pub use settings::Settings;
pub use sim::Sim;

/// A running one: for tests, within their runtime.
#[derive(Clone)]
pub struct Auth0 {
    /// As Auth0's, with a slash at its end.
    pub issuer: String,
    pub sim: Arc<Sim>,
}

impl Auth0 {
    /// Must be called within a runtime, which then serves it.
    pub fn start(settings: Settings) -> Result<Self> {
        let (issuer, sim, serve) = prepare(settings)?;
        tokio::spawn(serve);
        Ok(Self { issuer, sim })
    }
}

/// Serves until the process ends.
pub async fn serve(settings: Settings) -> Result<()> {
    let (_, _, serve) = prepare(settings)?;
    serve.await
}

type Served = (String, Arc<Sim>, std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>);

fn prepare(settings: Settings) -> Result<Served> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", settings.port))
        .with_context(|| format!("cannot listen on port {}", settings.port))?;
    listener.set_nonblocking(true)?;
    let issuer = format!("http://{}/", listener.local_addr()?);
    let sim = Arc::new(Sim::new(issuer.clone(), settings)?);
    let (router, sender) = (router(Arc::clone(&sim)), Arc::clone(&sim));
    let serve = Box::pin(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            served = axum::serve(listener, router) => Ok(served?),
            () = events::deliver(sender) => Ok(()),
        }
    });
    Ok((issuer, sim, serve))
}

fn router(sim: Arc<Sim>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::configuration))
        .route("/.well-known/jwks.json", get(discovery::keys))
        .route("/authorize", get(authorize::start))
        .route("/u/login", get(login::page).post(login::password))
        .route("/u/mfa-otp-challenge", get(login::second_page).post(login::second_factor))
        .route("/oauth/token", post(token::exchange))
        .route("/oauth/revoke", post(token::revoke))
        .route("/v2/logout", get(logout::leave))
        .nest("/api/v2", management::router(&sim))
        .layer(from_fn_with_state(Arc::clone(&sim), faults::spoil))
        .merge(control::router())
        .with_state(sim)
}
