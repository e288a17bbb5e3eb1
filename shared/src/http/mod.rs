//! The HTTP front door, the same in Lambda, in the host and in tests.

mod body;
mod guard;
mod params;
mod replies;

use anyhow::bail;
use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};

use crate::app::Parts;
use crate::table::{self, Row, Trigger};
use crate::{App, Error, config, telemetry};

pub use body::{Json, LARGEST_BODY, LARGEST_JSON, Upload};
pub use params::{IdempotencyKey, Path, Query};
pub use replies::{Accepted, Created};

/// Runs one HTTP function as a Lambda.
pub fn serve<T: 'static>(
    functions: &str,
    name: &str,
    handler: impl Handler<T, App>,
) -> anyhow::Result<()> {
    let row = table::row_of(functions, name)?;
    config::check(&row.uses)?;
    let app = App::new(Parts::default());
    run(mount(&row, handler, app)?.with_state(app))
}

/// Not generic, so that it is compiled once and not in every binary.
fn run(router: Router) -> anyhow::Result<()> {
    telemetry::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let router = with_fallbacks(router);
    runtime.block_on(lambda_http::run(router)).map_err(|e| anyhow::anyhow!(e))
}

/// One function as a router: its row's route, behind its row's permission.
pub fn mount<T: 'static>(
    row: &Row,
    handler: impl Handler<T, App>,
    app: App,
) -> anyhow::Result<Router<App>> {
    let Trigger::Route { method, path } = &row.trigger else { bail!("not an HTTP function") };
    let method: MethodFilter = method.parse::<axum::http::Method>()?.try_into()?;
    let guard = from_fn_with_state((app, row.permission.clone()), guard::guard);
    Ok(Router::new().route(path, on(method, handler).route_layer(guard)))
}

/// With an answer for paths and methods that are nobody's.
pub fn with_fallbacks(router: Router) -> Router {
    router
        .fallback(async || Error::NotFound)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
}
