//! The API's document, assembled from the tables, the handlers' signatures and the first line of
//! each handler's file.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Map, Value, json};
use shared::App;
use shared::app::Parts;
use shared::table::{Row, Trigger};

use crate::{bounds, functions};

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
    schemas.insert("ScimError".into(), scim_error());
    let mut document = json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Cadre",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Teams of LLM agents, run as a serverless system that a company owns.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "Local, staging or production: the one that serves this.", "x-internal": false }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An RS256 access token with `org_id` and `permissions`, verified as RFC8725 asks.",
            }, "session": {
                "type": "apiKey", "in": "cookie", "name": shared::auth::session::COOKIE,
                "description": "A browser's session; what changes something also needs `X-CSRF-Token`.",
            } },
            "responses": { "Problem": {
                "description": "RFC 9457 problem details; `type` names the cause and is stable.",
                "content": { "application/problem+json": {
                    "schema": { "$ref": "#/components/schemas/Problem" } } },
                "headers": carried(&["Retry-After"]),
            }, "ScimError": {
                "description": "An error as RFC 7644, section 3.12, has it.",
                "content": { "application/scim+json": {
                    "schema": { "$ref": "#/components/schemas/ScimError" } } },
                "headers": carried(&["Retry-After"]),
            } },
            "headers": headers(),
        },
    });
    bounds::set(&mut document);
    Ok(document)
}

/// Headers of an answer that a client may want to read: on every answer, and these besides.
fn carried(besides: &[&str]) -> Value {
    let always = ["Access-Control-Allow-Origin", "RateLimit", "RateLimit-Policy"];
    let one = |name: &&str| {
        ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
    };
    always.iter().chain(besides).map(one).collect::<Map<_, _>>().into()
}

fn headers() -> Value {
    let header = |description: &str| {
        let schema = json!({ "type": "string", "maxLength": 256 });
        json!({ "description": description, "required": false, "schema": schema })
    };
    json!({
        "Access-Control-Allow-Origin": header("The page's origin, if the deployment lists it."),
        "RateLimit": header("What is left, by the IETF's draft: `\"policy\";r=12;t=3`."),
        "RateLimit-Policy": header("Which limits hold: `\"policy\";q=100;w=60`."),
        "Retry-After": header("With 429 and 503: seconds to wait before the next try."),
    })
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
    if row.once.is_some() && !parameters.iter().any(|known| known["name"] == "Idempotency-Key") {
        parameters.push(shared::openapi::idempotency_key());
    }
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    let has_body = operation.contains_key("requestBody");
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for response in responses.values_mut() {
            response["headers"] = carried(&[]);
        }
        let form = if path.starts_with("/scim/") { "ScimError" } else { "Problem" };
        for status in statuses(row, path, has_body) {
            let problem = json!({ "$ref": format!("#/components/responses/{form}") });
            responses.insert(status.to_string(), problem);
        }
    }
    operation.insert("operationId".into(), name.into());
    operation.insert("summary".into(), summary.into());
    operation.insert("tags".into(), json!([name.split('-').next()]));
    let changes = matches!(&row.trigger, Trigger::Route { method, .. } if method != "GET");
    match &row.access.permission {
        Some(permission) => operation.insert("x-permission".into(), permission.clone().into()),
        // The guard lets in sessions that are too old for anything but being renewed.
        None if changes => operation.insert("security".into(), json!([{ "session": [] }])),
        None => operation.insert("security".into(), json!([])),
    };
    if row.access.mfa {
        operation.insert("x-second-factor".into(), true.into());
    }
    Ok(Value::Object(operation))
}

/// Which problems a route can answer with.
fn statuses(row: &Row, path: &str, has_body: bool) -> Vec<u16> {
    // Of the edge, and of the limits on how often, before anything else is looked at.
    let mut statuses = vec![400, 413, 429, 500, 503];
    if row.access.permission.is_some() {
        statuses.extend([401, 403, 422]);
    }
    // The way in asks nobody who they are, and refuses all the same.
    if path.starts_with("/auth/") {
        statuses.extend([401, 403, 409, 422]);
    }
    if path.contains('{') {
        statuses.push(404);
    }
    if has_body {
        statuses.extend([409, 415]);
    }
    let reads = matches!(&row.trigger, Trigger::Route { method, .. } if method == "GET");
    let deletes = matches!(&row.trigger, Trigger::Route { method, .. } if method == "DELETE");
    if path.ends_with("/cancel") || deletes {
        statuses.push(409);
    }
    if path.starts_with("/scim/") {
        statuses.retain(|status| *status != 422);
        statuses.push(400);
        if path.contains("{id}") && !reads {
            statuses.push(412);
        }
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
            "status": { "type": "integer", "format": "int32", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What is wrong, and what to do." },
        },
    })
}

fn scim_error() -> Value {
    json!({
        "type": "object",
        "required": ["schemas", "status", "detail"],
        "properties": {
            "schemas": { "type": "array", "items": { "type": "string" } },
            "status": { "type": "string" },
            "scimType": { "type": "string", "examples": ["uniqueness"] },
            "detail": { "type": "string", "description": "What is wrong, and what to do." },
        },
    })
}
