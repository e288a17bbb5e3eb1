//! The HTTP front door, the same in Lambda, in the host and in tests.

use std::time::Instant;

use anyhow::bail;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::Parts;
use crate::table::{self, Row, Trigger};
use crate::{App, Error, Result, config, telemetry};

/// Largest JSON body. Definitions and briefs are far smaller.
pub const LARGEST_JSON: usize = 1024 * 1024;
/// Largest body of all: what a synchronous Lambda event can carry once it is base64.
pub const LARGEST_BODY: usize = 4 * 1024 * 1024 + 512 * 1024;

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
    let guard = from_fn_with_state((app, row.permission.clone()), guard);
    Ok(Router::new().route(path, on(method, handler).route_layer(guard)))
}

/// With an answer for paths and methods that are nobody's.
pub fn with_fallbacks(router: Router) -> Router {
    router
        .fallback(async || Error::NotFound)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
}

async fn guard(
    State((app, permission)): State<(App, Option<String>)>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let mut response = match admit(app, permission.as_deref(), request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    tracing::info!(
        http.method = %method,
        http.route = route,
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

async fn admit(app: App, permission: Option<&str>, mut request: Request) -> Result<Request> {
    let Some(permission) = permission else { return Ok(request) };
    let caller = app.auth()?.caller(request.headers()).await?;
    if !caller.may(permission) {
        return Err(Error::Forbidden(format!("this needs the permission `{permission}`")));
    }
    request.extensions_mut().insert(caller);
    Ok(request)
}

/// A JSON body, or a problem that says where it is wrong.
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let essence = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let wanted = "send the body as `Content-Type: application/json`";
            return Err(Error::UnsupportedMediaType(wanted.into()));
        }
        let bytes = body(request, LARGEST_JSON).await?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let place = error.path().to_string();
            let cause = error.into_inner();
            if cause.is_data() {
                Error::Invalid(format!("{place}: {cause}"))
            } else {
                Error::Malformed(format!("the body is not JSON: {cause}"))
            }
        })?;
        deserializer.end().map_err(|e| Error::Malformed(format!("the body is not JSON: {e}")))?;
        Ok(Self(value))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The body's bytes and its content type, for uploads.
pub struct Upload {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl<S: Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type = declared.unwrap_or_default().to_owned();
        Ok(Self { content_type, bytes: body(request, LARGEST_BODY).await? })
    }
}

async fn body(request: Request, largest: usize) -> Result<Vec<u8>> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    let too_large = || Error::TooLarge(format!("the body is over {largest} bytes: send less"));
    if declared.is_some_and(|length| length > largest) {
        return Err(too_large());
    }
    let bytes = to_bytes(request.into_body(), largest).await.map_err(|error| {
        match std::error::Error::source(&error) {
            Some(cause) if cause.to_string().contains("length limit") => too_large(),
            _ => Error::Malformed("the body ended before its declared length".into()),
        }
    })?;
    Ok(bytes.into())
}

/// Path parameters; one that cannot be right names nothing that exists.
pub struct Path<T>(pub T);

impl<S: Sync + Send, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Error::NotFound)
    }
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<S: Sync + Send, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let query = query.map(|axum::extract::Query(value)| Self(value));
        query.map_err(|error| Error::Invalid(format!("the query: {}", error.body_text())))
    }
}

/// The `Idempotency-Key` of a request that creates or spends.
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self> {
        idempotency_key(&parts.headers).map(Self)
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            Err(Error::Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters".into()))
        }
    }
}

/// `201 Created` with the new thing as JSON.
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

/// `202 Accepted`: it is on record and will be done. `replayed` when a retry found it there.
pub struct Accepted<T> {
    pub value: T,
    pub replayed: bool,
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::ACCEPTED, Json(self.value)).into_response();
        if self.replayed {
            let yes = HeaderValue::from_static("true");
            response.headers_mut().insert("idempotent-replayed", yes);
        }
        response
    }
}
