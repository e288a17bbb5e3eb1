//! A request that creates or spends, done once for each `Idempotency-Key`, however often it comes.
//!
//! A door of its own, so that only the functions behind it link the client of `DynamoDB`.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lambda_http::Context;

use super::body::LARGEST_BODY;
use super::params::idempotency_key;
use crate::dynamo::{Answer, Begun, Dynamo, Key, LARGEST_ANSWER, Lease, request_digest};
use crate::table::{Once, Row};
use crate::{App, Caller, Error, Result};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Of the answer, and not of the moment it was given.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];
/// What a function has left, when nobody says: no route may take longer.
const LONGEST: Duration = Duration::from_secs(29);

#[derive(Clone)]
pub(super) struct Kept {
    app: App,
    route: String,
    once: Once,
}

impl Kept {
    pub(super) fn new(app: App, row: &Row, once: Once) -> Self {
        Self { app, route: format!("{:?}", row.trigger), once }
    }
}

pub(super) async fn once(State(kept): State<Kept>, request: Request, next: Next) -> Response {
    match keep(&kept, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn keep(kept: &Kept, request: Request, next: Next) -> Result<Response> {
    let Some(key) = idempotency_key(request.headers())? else { return Ok(next.run(request).await) };
    let caller: Caller = request.extensions().get().cloned().ok_or(Error::Unauthenticated)?;
    let left = left(&request);
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let too_large =
        |_| Error::TooLarge(format!("the body is over {LARGEST_BODY} bytes: send less"));
    let body = to_bytes(body, LARGEST_BODY).await.map_err(too_large)?;
    let digest = request_digest(&path, &body);
    let key = Key::tenant(caller.tenant).request(&kept.route, caller.user, &key);
    let request = Request::from_parts(parts, Body::from(body));
    let begun = async {
        let dynamo = kept.app.dynamo()?;
        let begun = dynamo.begin(key, &digest, now(), left).await?;
        Ok::<_, Error>((dynamo, begun))
    };
    let (dynamo, lease) = match begun.await {
        Ok((dynamo, Begun::Ours(lease))) => (dynamo, lease),
        Ok((_, Begun::Done(answer))) => return replay(answer),
        Ok((_, Begun::InFlight(seconds))) => return Ok(in_flight(seconds)),
        Ok((_, Begun::Mismatch)) => return Err(mismatch()),
        // The handler has a unique key of its own in the record: it is safe without us.
        Err(error) if kept.once == Once::Backed => {
            error.log();
            return Ok(next.run(request).await);
        }
        Err(error) => return Err(error),
    };
    let response = next.run(request).await;
    settle(dynamo, &lease, response).await
}

/// Only a success is kept: what was refused changed nothing, and may be right the next time. If the
/// answer cannot be kept it is given all the same; who asks again is told to wait for the lease.
async fn settle(dynamo: &Dynamo, lease: &Lease, response: Response) -> Result<Response> {
    if !response.status().is_success() {
        if let Err(error) = dynamo.release(lease).await {
            error.log();
        }
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(anyhow::Error::from)?;
    let answer = Answer {
        status: parts.status.as_u16(),
        headers: kept_headers(&parts.headers),
        body: if body.len() <= LARGEST_ANSWER { body.to_vec() } else { pointer(&body) },
    };
    match dynamo.finish(lease, &answer, now()).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!("an idempotency lease was taken over before its end"),
        Err(error) => error.log(),
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = KEPT
        .iter()
        .filter_map(|name| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned())));
    kept.collect()
}

/// Of an answer that is too large to keep: the id of what was made, by which it can be read.
fn pointer(body: &[u8]) -> Vec<u8> {
    let whole: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    serde_json::json!({ "id": whole["id"] }).to_string().into_bytes()
}

fn replay(answer: Answer) -> Result<Response> {
    let status = StatusCode::from_u16(answer.status).map_err(anyhow::Error::from)?;
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in &answer.headers {
        let name = HeaderName::try_from(name).map_err(anyhow::Error::from)?;
        headers.insert(name, HeaderValue::try_from(value).map_err(anyhow::Error::from)?);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn in_flight(seconds: u64) -> Response {
    let detail = "a request with this Idempotency-Key is being worked on: ask again in a moment";
    let mut response = Error::Conflict(detail.into()).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

fn mismatch() -> Error {
    Error::Refused {
        code: "idempotency-key-reused",
        detail: "this Idempotency-Key came with another body before: use a new key".into(),
    }
}

/// Until Lambda ends this function. With nothing left the lease is over at once, and the next one
/// may take it: nobody waits for one who cannot go on.
fn left(request: &Request) -> Duration {
    let Some(context) = request.extensions().get::<Context>() else { return LONGEST };
    let now = u64::try_from(now()).unwrap_or_default();
    Duration::from_millis(context.deadline.saturating_sub(now)).min(LONGEST)
}

#[expect(clippy::disallowed_methods, reason = "a lease is compared by the clocks of functions")]
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
