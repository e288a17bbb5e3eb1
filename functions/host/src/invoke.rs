//! The Lambda Invoke API over the same functions, so that Step Functions, schedules and gateways
//! of an emulator reach them: `POST /2015-03-31/functions/{name}/invocations`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use shared::Error;
use shared::http;
use tower::ServiceExt;
use uuid::Uuid;

use crate::functions::{Function, Functions};

/// A synchronous event of Lambda may be 6 MB.
const LARGEST_EVENT: usize = 6 * 1024 * 1024;

pub fn router(functions: Arc<Functions>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(LARGEST_EVENT))
        .with_state(functions)
}

async fn invoke(
    State(functions): State<Arc<Functions>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    // Only a browser says where a page came from, and no page has business here: without this, any
    // site that a developer visits could post to the port on their own machine.
    if headers.contains_key(header::ORIGIN) {
        return Error::Forbidden("functions are not invoked from web pages".into()).into_response();
    }
    let id = Uuid::new_v4().to_string();
    let asynchronous = headers.get("x-amz-invocation-type").is_some_and(|kind| kind == "Event");
    let mut response = if !functions.by_name.contains_key(&name) {
        let message = format!("Function not found: {name}");
        let body = json!({ "Type": "User", "Message": message }).to_string();
        let mut response = (StatusCode::NOT_FOUND, body).into_response();
        let kind = HeaderValue::from_static("ResourceNotFoundException");
        response.headers_mut().insert("x-amzn-errortype", kind);
        response
    } else if asynchronous {
        #[expect(clippy::disallowed_methods, reason = "the host is a server, and goes on")]
        tokio::spawn(async move { run(&functions, &name, &event).await });
        StatusCode::ACCEPTED.into_response()
    } else {
        match run(&functions, &name, &event).await {
            Ok(value) => value.to_string().into_response(),
            Err((kind, message)) => {
                let body = json!({ "errorType": kind, "errorMessage": message }).to_string();
                let mut response = body.into_response();
                let unhandled = HeaderValue::from_static("Unhandled");
                response.headers_mut().insert("x-amz-function-error", unhandled);
                response
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// A result, or an error's name and message.
async fn run(functions: &Functions, name: &str, event: &[u8]) -> Result<Value, (String, String)> {
    let bad = |error: &dyn std::fmt::Display| {
        ("Runtime.MalformedEvent".to_owned(), format!("the event cannot be read: {error}"))
    };
    match functions.by_name.get(name) {
        Some(Function::Job(job)) => {
            let event = serde_json::from_slice(event).map_err(|e| bad(&e))?;
            job(functions.app, event).await.map_err(|error| {
                error.log();
                (error.name().to_owned(), error.to_string())
            })
        }
        Some(Function::Http(router)) => {
            let request: LambdaRequest = serde_json::from_slice(event).map_err(|e| bad(&e))?;
            gateway(router.clone(), request.into()).await.map_err(|e| bad(&e))
        }
        None => Err((Error::NotFound.name().into(), format!("no function {name}"))),
    }
}

/// A gateway's event (payload 2.0, as `lambda_http` reads it) through the router, and back.
async fn gateway(router: Router, request: lambda_http::Request) -> anyhow::Result<Value> {
    let (parts, body) = request.into_parts();
    let body = axum::body::Body::from(body.to_vec());
    let router = http::behind(crate::edge()?, router);
    let response = router.oneshot(axum::extract::Request::from_parts(parts, body)).await?;
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_EVENT).await?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), json!(text(value))));
    Ok(json!({
        "statusCode": parts.status.as_u16(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
    }))
}
