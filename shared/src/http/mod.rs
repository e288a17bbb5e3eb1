//! The HTTP front door, the same in Lambda, in the host and in tests.

mod address;
mod body;
mod edge;
mod events;
mod form;
mod guard;
mod once;
mod pages;
mod params;
mod replies;
mod scim;
mod shape;
mod visitor;

use anyhow::{Context, bail};
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Router};

use crate::app::Parts;
use crate::table::{self, Row, Trigger};
use crate::{App, Error, config, telemetry};

pub use body::{Json, LARGEST_BODY, LARGEST_JSON, Upload};
pub use edge::{Edge, LARGEST_HEADERS, LONGEST_URI, MOST_HEADERS};
pub use events::{Events, LastEventId, Stay};
pub use form::{Done, FormOr};
pub use pages::{Page, SeeOther, Sheet};
pub use params::{IdempotencyKey, Path, Query};
pub use replies::{Accepted, Created};
pub use scim::{Match, Nothing, SCIM_TYPE, Scim, ScimBody, ScimCreated};
pub use shape::{DEEPEST, MOST_MEMBERS};

/// Runs one HTTP function as a Lambda.
pub fn serve<T: 'static>(
    functions: &str,
    name: &str,
    handler: impl Handler<T, App>,
) -> anyhow::Result<()> {
    let (row, app) = begun(functions, name)?;
    run(mount(&row, handler, app)?.with_state(app))
}

/// The same for a row that says `once`: only these link the client of `DynamoDB`.
pub fn serve_once<T: 'static>(
    functions: &str,
    name: &str,
    handler: impl Handler<T, App>,
) -> anyhow::Result<()> {
    let (row, app) = begun(functions, name)?;
    run(mount_once(&row, handler, app)?.with_state(app))
}

/// The same for a row that says `stream`: its answer is sent bit by bit.
pub fn serve_stream<T: 'static>(
    functions: &str,
    name: &str,
    handler: impl Handler<T, App>,
) -> anyhow::Result<()> {
    let (row, app) = begun(functions, name)?;
    run_stream(mount_stream(&row, handler, app)?.with_state(app))
}

/// What every function begins with: its row, and whether the environment has all that it needs.
fn begun(functions: &str, name: &str) -> anyhow::Result<(Row, App)> {
    let row = table::row_of(functions, name)?;
    config::check(&row.uses)?;
    config::check_gate()?;
    Ok((row, App::new(Parts::default())))
}

fn run_stream(router: Router) -> anyhow::Result<()> {
    telemetry::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let router = behind(Edge::open_to(&config::cors_origins())?, router);
    let serving = lambda_http::run_with_streaming_response(router);
    runtime.block_on(serving).map_err(|e| anyhow::anyhow!(e))
}

/// Not generic, so that it is compiled once and not in every binary.
fn run(router: Router) -> anyhow::Result<()> {
    telemetry::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let router = behind(Edge::open_to(&config::cors_origins())?, router);
    runtime.block_on(lambda_http::run(router)).map_err(|e| anyhow::anyhow!(e))
}

/// One function as a router: its row's route, behind its row's permission.
pub fn mount<T: 'static>(
    row: &Row,
    handler: impl Handler<T, App>,
    app: App,
) -> anyhow::Result<Router<App>> {
    anyhow::ensure!(row.once.is_none(), "its row says `once`: http::serve_once");
    anyhow::ensure!(!row.stream, "its row says `stream`: http::serve_stream");
    behind_guard(row, app, on(method(row)?, handler))
}

/// The same, and a request with an `Idempotency-Key` is done once.
pub fn mount_once<T: 'static>(
    row: &Row,
    handler: impl Handler<T, App>,
    app: App,
) -> anyhow::Result<Router<App>> {
    behind_once(row, app, on(method(row)?, handler))
}

/// The same for what streams: the handler is told until when it may, and of whom it must go on
/// asking whether they still may.
pub fn mount_stream<T: 'static>(
    row: &Row,
    handler: impl Handler<T, App>,
    app: App,
) -> anyhow::Result<Router<App>> {
    anyhow::ensure!(row.stream, "its row does not say `stream`: http::serve");
    let terms = events::Terms::of(row, app);
    behind_guard(row, app, on(method(row)?, handler).route_layer(Extension(terms)))
}

fn method(row: &Row) -> anyhow::Result<MethodFilter> {
    let Trigger::Route { method, .. } = &row.trigger else { bail!("not an HTTP function") };
    Ok(method.parse::<axum::http::Method>()?.try_into()?)
}

// Neither is generic: what they wait for is compiled here, and not again in every binary.

fn behind_once(row: &Row, app: App, handler: MethodRouter<App>) -> anyhow::Result<Router<App>> {
    let once = row.once.context("its row does not say `once`: http::serve")?;
    let kept = from_fn_with_state(once::Kept::new(app, row, once), once::once);
    behind_guard(row, app, handler.route_layer(kept))
}

fn behind_guard(row: &Row, app: App, handler: MethodRouter<App>) -> anyhow::Result<Router<App>> {
    let Trigger::Route { path, .. } = &row.trigger else { bail!("not an HTTP function") };
    let guard = from_fn_with_state((app, row.access.clone()), guard::guard);
    Ok(Router::new().route(path, handler.route_layer(guard)))
}

/// Behind the edge, with an answer for paths and methods that are nobody's.
pub fn behind(edge: Edge, router: Router) -> Router {
    edge.around(
        router
            .fallback(async || Error::NotFound)
            .method_not_allowed_fallback(async || Error::MethodNotAllowed),
    )
}
