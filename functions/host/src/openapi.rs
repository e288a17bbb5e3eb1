//! The API's document, assembled from the tables, the handlers' signatures and the first line of
//! each handler's file.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Map, Value, json};
use shared::App;
use shared::app::Parts;
use shared::table::{Row, Trigger};

use crate::functions;

/// `summaries`: what each function is for, by its name.
pub fn document(summaries: &BTreeMap<String, String>) -> anyhow::Result<Value> {
    let (_, described) = functions::all(App::new(Parts::default()))?;
    let mut paths: Map<String, Value> = Map::new();
    for (name, row) in crate::table()? {
        let Trigger::Route { method, path } = &row.trigger else { continue };
        let operation = described.operations.get(&name).context("no operation")?.clone();
        let summary = summaries.get(&name).with_context(|| format!("{name} has no summary"))?;
        let operation = complete(&name, &row, path, summary, operation)?;
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(method.to_lowercase(), operation);
        }
    }
    let mut schemas = described.schemas;
    let mut schemas: Map<String, Value> = schemas.take_definitions(true).into_iter().collect();
    schemas.insert("Problem".into(), problem());
    Ok(json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Cadre",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Teams of LLM agents, run as a serverless system that a company owns.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An RS256 access token with `org_id` and `permissions`.",
            } },
            "responses": { "Problem": {
                "description": "RFC 9457 problem details; `type` names the cause and is stable.",
                "content": { "application/problem+json": {
                    "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
        },
    }))
}

fn complete(
    name: &str,
    row: &Row,
    path: &str,
    summary: &str,
    operation: Value,
) -> anyhow::Result<Value> {
    let Value::Object(mut operation) = operation else { anyhow::bail!("not an operation") };
    let segments = operation.remove("x-segments").unwrap_or(json!([]));
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters = Vec::new();
    for (name, schema) in names.zip(segments.as_array().into_iter().flatten()) {
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    let others = operation.remove("parameters").unwrap_or(json!([]));
    parameters.extend(others.as_array().cloned().unwrap_or_default());
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    let has_body = operation.contains_key("requestBody");
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for status in statuses(row, path, has_body) {
            let problem = json!({ "$ref": "#/components/responses/Problem" });
            responses.insert(status.to_string(), problem);
        }
    }
    operation.insert("operationId".into(), name.into());
    operation.insert("summary".into(), summary.into());
    operation.insert("tags".into(), json!([name.split('-').next()]));
    match &row.permission {
        Some(permission) => operation.insert("x-permission".into(), permission.clone().into()),
        None => operation.insert("security".into(), json!([])),
    };
    Ok(Value::Object(operation))
}

/// Which problems a route can answer with.
fn statuses(row: &Row, path: &str, has_body: bool) -> Vec<u16> {
    let mut statuses = vec![500, 503];
    if row.permission.is_some() {
        statuses.extend([401, 403, 422]);
    }
    if path.contains('{') {
        statuses.push(404);
    }
    if has_body {
        statuses.extend([400, 409, 413, 415]);
    }
    if path.ends_with("/cancel") {
        statuses.push(409);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "examples": ["urn:cadre:problem:not-found"] },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What is wrong, and what to do." },
        },
    })
}
