//! The back doors: queues, and the tasks that schedules and state machines call.

use std::future::Future;
use std::pin::Pin;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::app::Parts;
use crate::{App, Error, Result, config, table, telemetry};

/// One function behind a back door: an event in, a result or a named error out.
pub type Job =
    Box<dyn Fn(App, Value) -> Pin<Box<dyn Future<Output = Result<Value>> + Send>> + Send + Sync>;

/// Runs one queue function as a Lambda: a batch in, the messages that failed out.
pub fn serve_queue<M, F>(functions: &str, name: &str, handle: fn(App, M) -> F) -> anyhow::Result<()>
where
    M: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    run(functions, name, &queue(handle))
}

/// Runs one task as a Lambda: an input in, an output or a named error out. Schedules too.
pub fn serve_task<I, O, F>(
    functions: &str,
    name: &str,
    handle: fn(App, I) -> F,
) -> anyhow::Result<()>
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
    F: Future<Output = Result<O>> + Send + 'static,
{
    run(functions, name, &task(handle))
}

pub fn task<I, O, F>(handle: fn(App, I) -> F) -> Job
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize + 'static,
    F: Future<Output = Result<O>> + Send + 'static,
{
    Box::new(move |app, input| {
        let input = serde_json::from_value(input);
        Box::pin(async move {
            let input = input.map_err(|e| Error::Invalid(format!("the task's input: {e}")))?;
            let output = handle(app, input).await?;
            serde_json::to_value(output).map_err(|e| Error::Internal(e.into()))
        })
    })
}

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
}

pub fn queue<M, F>(handle: fn(App, M) -> F) -> Job
where
    M: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    Box::new(move |app, batch| {
        Box::pin(async move {
            let batch: Batch = serde_json::from_value(batch)
                .map_err(|e| Error::Invalid(format!("the batch: {e}")))?;
            let mut failed = Vec::new();
            for Message { message_id, body } in batch.records {
                let message = serde_json::from_str(&body)
                    .map_err(|e| Error::Invalid(format!("the message: {e}")));
                let outcome = match message {
                    Ok(message) => handle(app, message).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = outcome {
                    error.log();
                    failed.push(json!({ "itemIdentifier": message_id }));
                }
            }
            Ok(json!({ "batchItemFailures": failed }))
        })
    })
}

/// Not generic, so that it is compiled once and not in every binary.
fn run(functions: &str, name: &str, job: &Job) -> anyhow::Result<()> {
    let row = table::row_of(functions, name)?;
    config::check(&row.uses)?;
    telemetry::start();
    let app = App::new(Parts::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let service = service_fn(async |event: LambdaEvent<Value>| {
        job(app, event.payload).await.map_err(Diagnostic::from)
    });
    runtime.block_on(lambda_runtime::run(service)).map_err(|e| anyhow::anyhow!(e))
}

/// Step Functions retries and catches by this name.
impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        error.log();
        Self { error_type: error.name().into(), error_message: error.to_string() }
    }
}
