//! The whole product in one process: for `make dev`, for tests, and for a plain host.

mod bounds;
mod functions;
pub mod invoke;
pub mod openapi;

use std::sync::Arc;

use axum::Router;
use shared::http::{self, Edge};
use shared::table::{self, Table};
use shared::{App, config};

pub use functions::{Function, Functions};

/// Every row of every `functions.json`.
pub fn table() -> anyhow::Result<Table> {
    let mut all = Table::new();
    for domain in functions::TABLES {
        all.extend(table::parse(domain)?);
    }
    Ok(all)
}

/// The HTTP API and the Lambda Invoke API, every function behind the door it has in Lambda.
/// For loopback only: in AWS it is IAM that stands before an invocation, and here nothing does.
pub fn router(app: App) -> anyhow::Result<Router> {
    let functions = Arc::new(functions::all(app)?.0);
    let api = functions.api();
    Ok(http::behind(edge()?, api.merge(invoke::router(functions))))
}

/// All functions, to be put behind an edge of the caller's own.
pub fn functions(app: App) -> anyhow::Result<Functions> {
    Ok(functions::all(app)?.0)
}

/// The HTTP API alone: for a host that others can reach.
pub fn api(app: App) -> anyhow::Result<Router> {
    Ok(http::behind(edge()?, functions::all(app)?.0.api()))
}

fn edge() -> anyhow::Result<Edge> {
    Edge::open_to(&config::cors_origins())
}
