//! DynamoDB: one table for what expires. See docs/operations/redis-dynamo.md.
//!
//! Here is what was answered to a request that creates or spends, so that who asks again with the
//! same `Idempotency-Key` gets the same answer; [`change`] has what counts and holds. Every write has
//! a condition that holds once, so that retries, of throttling and of lost answers, do a thing once.

pub mod change;
pub mod key;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Result, aws, config, digest};
pub use key::Key;

/// How long an answer is kept at least; `DynamoDB` deletes within days after.
pub const KEPT: Duration = Duration::from_hours(48);
/// Largest body that is kept with its item, which may have 400 KB in all.
pub const LARGEST_ANSWER: usize = 350 * 1024;

/// Beyond the client's own.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(25);

pub struct Dynamo {
    client: Client,
    table: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    /// Of the headers those that belong to the answer and not to its moment.
    pub headers: Vec<(String, String)>,
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// Who begins is told one of these.
#[derive(Debug)]
pub enum Begun {
    /// It is ours to do.
    Ours(Lease),
    /// It was done: this was the answer.
    Done(Answer),
    /// Somebody is at it, for at most so many seconds more.
    InFlight(u64),
    /// The key came with another request before.
    Mismatch,
}

/// The right to do it, for as long as the function may run.
#[derive(Clone, Debug)]
pub struct Lease {
    key: Key,
    id: String,
    request: String,
}

impl Dynamo {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let table = config::dynamo_table()?;
        let aws = aws::signed("DYNAMODB", aws::client()?)?;
        Ok(Self::new(&aws, table))
    }

    pub fn new(aws: &aws_config::SdkConfig, table: String) -> Self {
        // An attempt that hangs is given up early, and there is time for others.
        let patience = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(500))
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(4));
        let retries = RetryConfig::standard()
            .with_max_attempts(8)
            .with_initial_backoff(Duration::from_millis(20))
            .with_max_backoff(Duration::from_millis(500));
        let settings = aws_sdk_dynamodb::config::Builder::from(aws)
            .timeout_config(patience.build())
            .retry_config(retries);
        Self { client: Client::from_conf(settings.build()), table }
    }

    /// Begins the request of this key, if nobody has: or if who had begun it is gone, for a lease
    /// lasts as long as its function may. `now` in milliseconds since 1970, and `left` for us.
    pub async fn begin(&self, key: Key, request: &str, now: i64, left: Duration) -> Result<Begun> {
        let lease = Lease { key, id: Uuid::new_v4().to_string(), request: request.to_owned() };
        let until = now + milliseconds(left);
        let put = self
            .put(&lease, now)
            .item("lease_until", number(until))
            // Taken over only by the same request: for another one the key is used up.
            .condition_expression(
                "attribute_not_exists(pk) or lease = :lease or expires_at < :second or \
                 (attribute_not_exists(answer) and lease_until < :now and request_digest = :request)",
            )
            .expression_attribute_values(":lease", text(&lease.id))
            .expression_attribute_values(":request", text(request))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":second", number(now / 1_000))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match send(put).await {
            Ok(()) => Ok(Begun::Ours(lease)),
            Err(error) => match refused(&error) {
                Some(there) => found(&there, request, now),
                None => Err(unavailable(&error)),
            },
        }
    }

    /// Keeps the answer. False when the lease was taken over: the other one's answer counts.
    pub async fn finish(&self, lease: &Lease, answer: &Answer, now: i64) -> Result<bool> {
        let shape = serde_json::to_string(answer).map_err(anyhow::Error::from)?;
        let put = self
            .put(lease, now)
            .item("answer", text(&shape))
            .item("body", AttributeValue::B(Blob::new(answer.body.clone())))
            .condition_expression("lease = :lease")
            .expression_attribute_values(":lease", text(&lease.id));
        match send(put).await {
            Ok(()) => Ok(true),
            Err(error) if refused(&error).is_some() => Ok(false),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// It came to nothing: who asks again begins anew.
    pub async fn release(&self, lease: &Lease) -> Result<()> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(&lease.key.pk))
            .key("sk", text(lease.key.sk))
            .condition_expression("lease = :lease")
            .expression_attribute_values(":lease", text(&lease.id));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_conditional_check_failed_exception() => Ok(()),
                _ => Err(unavailable(&error)),
            },
        }
    }

    fn put(&self, lease: &Lease, now: i64) -> PutItemFluentBuilder {
        let expires = now / 1_000 + milliseconds(KEPT) / 1_000;
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&lease.key.pk))
            .item("sk", text(lease.key.sk))
            .item("lease", text(&lease.id))
            .item("request_digest", text(&lease.request))
            .item("expires_at", number(expires))
    }
}

/// The client's own retries share a budget for the whole process, which a bad minute uses up: then a
/// few more, one by one.
async fn send(put: PutItemFluentBuilder) -> Result<(), SdkError<PutItemError>> {
    for again in 1..=TRIES {
        match put.clone().send().await {
            Err(error) if refused(&error).is_none() && again < TRIES => {
                tokio::time::sleep(PAUSE * again).await;
            }
            other => return other.map(drop),
        }
    }
    put.send().await.map(drop)
}

type Item = HashMap<String, AttributeValue>;

/// The item that stood in the way, if that is what went wrong.
fn refused<R>(error: &SdkError<PutItemError, R>) -> Option<Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(failed) => {
            Some(failed.item().cloned().unwrap_or_default())
        }
        _ => None,
    }
}

fn found(item: &Item, request: &str, now: i64) -> Result<Begun> {
    let string = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    if string("request_digest").is_some_and(|there| there != request) {
        return Ok(Begun::Mismatch);
    }
    if let Some(shape) = string("answer") {
        let mut answer: Answer = serde_json::from_str(shape).map_err(anyhow::Error::from)?;
        if let Some(body) = item.get("body").and_then(|value| value.as_b().ok()) {
            answer.body = body.clone().into_inner();
        }
        return Ok(Begun::Done(answer));
    }
    let until = item.get("lease_until").and_then(|value| value.as_n().ok()?.parse::<i64>().ok());
    let left = until.unwrap_or(now).saturating_sub(now).max(0);
    Ok(Begun::InFlight(u64::try_from(left).unwrap_or_default().div_ceil(1_000).max(1)))
}

/// What is the same request: of JSON what it says, and not how it is spelled.
pub fn request_digest(route: &str, body: &[u8]) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let body = said.map_or_else(|| body.to_vec(), |said| said.to_string().into_bytes());
    digest::sha256(&[route.as_bytes(), b"\n", &body].concat())
}

fn unavailable<E: std::error::Error>(error: &E) -> Error {
    Error::Unavailable(anyhow::anyhow!("DynamoDB: {}", DisplayErrorContext(error)))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
