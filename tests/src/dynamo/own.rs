//! A DynamoDB as small as the product's use of it: one table, in this process, for all houses and
//! sandboxes of a test. What it says is what the emulator says: `dynamo_own.rs` asks both.

use std::collections::{HashMap, HashSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::words::{self, Item};

#[derive(Default)]
struct Table {
    items: HashMap<(String, String), Item>,
    /// Of transactions that were done: asked again, they are done.
    tokens: HashSet<String>,
}

/// A type, and what comes beside its message.
struct Refusal(&'static str, Map<String, Value>);

/// Where it listens; started when first asked for, and gone with the process.
pub(super) fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| start().expect("a port of our own"))
}

/// Another one, that nobody else uses.
pub(super) fn start() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let table: Arc<Mutex<Table>> = Arc::default();
            let router = Router::new().fallback(answer).with_state(table);
            axum::serve(listener, router).await.unwrap();
        });
    });
    Ok(url)
}

async fn answer(
    State(table): State<Arc<Mutex<Table>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut table = table.lock().unwrap();
    let answered = match operation {
        "GetItem" => Ok(table.get(&request)),
        "PutItem" => table.put(&request),
        "DeleteItem" => table.delete(&request),
        "UpdateItem" => table.update(&request),
        "TransactWriteItems" => table.transact(&request),
        _ => Err(Refusal("UnknownOperationException", Map::new())),
    };
    let (status, body) = match answered {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal(name, mut body)) => {
            body.insert("__type".into(), format!("com.amazonaws.dynamodb.v20120810#{name}").into());
            body.insert("message".into(), name.into());
            (StatusCode::BAD_REQUEST, Value::Object(body))
        }
    };
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}

impl Table {
    fn get(&self, request: &Value) -> Value {
        let found = self.items.get(&key(&request["Key"]));
        found.map_or_else(|| json!({}), |item| json!({ "Item": item }))
    }

    fn put(&mut self, request: &Value) -> Result<Value, Refusal> {
        self.holds(request, &request["Item"])?;
        let item = request["Item"].as_object().cloned().unwrap_or_default();
        self.items.insert(key(&request["Item"]), item);
        Ok(json!({}))
    }

    fn delete(&mut self, request: &Value) -> Result<Value, Refusal> {
        self.holds(request, &request["Key"])?;
        self.items.remove(&key(&request["Key"]));
        Ok(json!({}))
    }

    fn update(&mut self, request: &Value) -> Result<Value, Refusal> {
        self.holds(request, &request["Key"])?;
        self.apply(request);
        Ok(json!({}))
    }

    /// All or none.
    fn transact(&mut self, request: &Value) -> Result<Value, Refusal> {
        let token = request["ClientRequestToken"].as_str().unwrap_or_default();
        if self.tokens.contains(token) {
            return Ok(json!({}));
        }
        let updates: Vec<&Value> = request["TransactItems"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["Update"])
            .collect();
        let refusals: Vec<_> =
            updates.iter().map(|update| self.holds(update, &update["Key"]).err()).collect();
        if refusals.iter().any(Option::is_some) {
            let reasons = refusals.into_iter().map(|refusal| match refusal {
                None => json!({ "Code": "None" }),
                Some(Refusal(_, mut reason)) => {
                    reason.insert("Code".into(), "ConditionalCheckFailed".into());
                    Value::Object(reason)
                }
            });
            let reasons: Vec<_> = reasons.collect();
            let reasons = Map::from_iter([("CancellationReasons".to_owned(), json!(reasons))]);
            return Err(Refusal("TransactionCanceledException", reasons));
        }
        for update in updates {
            self.apply(update);
        }
        self.tokens.insert(token.to_owned());
        Ok(json!({}))
    }

    fn holds(&self, request: &Value, at: &Value) -> Result<(), Refusal> {
        let Some(condition) = request["ConditionExpression"].as_str() else { return Ok(()) };
        let there = self.items.get(&key(at));
        let values = &request["ExpressionAttributeValues"];
        if words::holds(condition, there.unwrap_or(&Item::new()), values) {
            return Ok(());
        }
        let item = there.map(|item| ("Item".to_owned(), json!(item)));
        Err(Refusal("ConditionalCheckFailedException", item.into_iter().collect()))
    }

    fn apply(&mut self, request: &Value) {
        let fresh = || request["Key"].as_object().cloned().unwrap_or_default();
        let item = self.items.entry(key(&request["Key"])).or_insert_with(fresh);
        let expression = request["UpdateExpression"].as_str().unwrap_or_default();
        words::change(expression, item, &request["ExpressionAttributeValues"]);
    }
}

fn key(item: &Value) -> (String, String) {
    let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}
