//! The API document, read off the handlers' own signatures.

use std::future::Future;

use axum::extract::State;
use axum::http::HeaderMap;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::http::{
    Accepted, Created, Done, Events, FormOr, IdempotencyKey, Json, LastEventId, Match, Nothing,
    Page, Path, Query, SCIM_TYPE, Scim, ScimBody, ScimCreated, SeeOther, Sheet, Stay, Upload,
};
use crate::{App, Caller, Result};

/// What one argument of a handler says about the request.
pub trait Part {
    fn describe(_: &mut Map<String, Value>, _: &mut SchemaGenerator) {}
}

impl Part for State<App> {}
impl Part for Caller {}
impl Part for FormOr {}
impl Part for Stay {}
// Cookies, and what a browser says of itself: no client of the API sends them.
impl Part for HeaderMap {}

impl<T: Segments> Part for Path<T> {
    fn describe(operation: &mut Map<String, Value>, _: &mut SchemaGenerator) {
        operation.insert("x-segments".into(), json!(T::schemas()));
    }
}

/// The types of a path's parameters, in order; their names come from the route.
pub trait Segments {
    fn schemas() -> Vec<Value>;
}

impl Segments for Uuid {
    fn schemas() -> Vec<Value> {
        vec![json!({ "type": "string", "format": "uuid" })]
    }
}

impl Segments for String {
    fn schemas() -> Vec<Value> {
        vec![json!({ "type": "string", "minLength": 1 })]
    }
}

impl<A: Segments, B: Segments> Segments for (A, B) {
    fn schemas() -> Vec<Value> {
        [A::schemas(), B::schemas()].concat()
    }
}

impl<T: JsonSchema> Part for Query<T> {
    fn describe(operation: &mut Map<String, Value>, schemas: &mut SchemaGenerator) {
        let schema = T::json_schema(schemas).to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let mut property = property.clone();
            let description = property.as_object_mut().and_then(|p| p.remove("description"));
            let must = required.iter().any(|r| r == name);
            let mut parameter =
                json!({ "name": name, "in": "query", "required": must, "schema": property });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            push(operation, parameter);
        }
    }
}

impl Part for IdempotencyKey {
    fn describe(operation: &mut Map<String, Value>, _: &mut SchemaGenerator) {
        push(operation, idempotency_key());
    }
}

impl Part for LastEventId {
    fn describe(operation: &mut Map<String, Value>, _: &mut SchemaGenerator) {
        let parameter = json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "description": "The `id` of the last event that was received: it goes on after that.",
            "schema": { "type": "string", "maxLength": 8192 },
        });
        push(operation, parameter);
    }
}

/// The header that a route takes whose row says `once`.
pub fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "The same key with the same body gives the same answer, once done.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
    })
}

impl<T: JsonSchema> Part for Json<T> {
    fn describe(operation: &mut Map<String, Value>, schemas: &mut SchemaGenerator) {
        let content = json!({ "application/json": { "schema": schemas.subschema_for::<T>() } });
        operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
}

impl<T: JsonSchema> Part for ScimBody<T> {
    fn describe(operation: &mut Map<String, Value>, schemas: &mut SchemaGenerator) {
        let content = json!({ SCIM_TYPE: { "schema": schemas.subschema_for::<T>() } });
        operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
}

impl Part for Match {
    fn describe(operation: &mut Map<String, Value>, _: &mut SchemaGenerator) {
        for (name, what) in [
            ("If-Match", "Only if this version is there: `W/\"3\"`."),
            ("If-None-Match", "Only if another version is there."),
        ] {
            push(
                operation,
                json!({
                    "name": name, "in": "header", "required": false, "description": what,
                    "schema": { "type": "string" },
                }),
            );
        }
    }
}

impl Part for Upload {
    fn describe(operation: &mut Map<String, Value>, _: &mut SchemaGenerator) {
        let binary = json!({ "schema": { "type": "string", "format": "binary" } });
        let content = json!({
            "application/gzip": binary, "application/zip": binary, "application/x-tar": binary,
            "application/json": { "schema": {
                "type": "object", "required": ["files"], "additionalProperties": false,
                "properties": { "files": {
                    "description": "A folder: path to content, as text or as base64.",
                    "type": "object", "additionalProperties": { "oneOf": [
                        { "type": "string" },
                        { "type": "object", "required": ["base64"],
                          "properties": { "base64": { "type": "string", "contentEncoding": "base64" } } } ] } } } } },
        });
        operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
}

fn push(operation: &mut Map<String, Value>, parameter: Value) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.push(parameter);
    }
}

/// What a handler's answer says about the response.
pub trait Answer {
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Value);
}

macro_rules! answers {
    ($($reply:ident => $status:literal $form:literal $what:literal,)*) => {
        $(impl<T: JsonSchema> Answer for $reply<T> {
            fn describe(schemas: &mut SchemaGenerator) -> (u16, Value) {
                let content = json!({ $form: { "schema": schemas.subschema_for::<T>() } });
                ($status, json!({ "description": $what, "content": content }))
            }
        })*
    };
}

impl Answer for SeeOther {
    fn describe(_: &mut SchemaGenerator) -> (u16, Value) {
        (303, json!({ "description": "Go there: a browser does." }))
    }
}

impl Answer for Page {
    fn describe(_: &mut SchemaGenerator) -> (u16, Value) {
        let html = json!({ "text/html": { "schema": { "type": "string" } } });
        (200, json!({ "description": "A page.", "content": html }))
    }
}

impl Answer for Sheet {
    fn describe(_: &mut SchemaGenerator) -> (u16, Value) {
        let css = json!({ "text/css": { "schema": { "type": "string" } } });
        (200, json!({ "description": "A style sheet.", "content": css }))
    }
}

answers! {
    Done => 200 "application/json" "Done; a form of our own page is led back to it instead.",
    Json => 200 "application/json" "As asked.",
    Created => 201 "application/json" "Created.",
    Accepted => 202 "application/json" "On record; it will be done.",
    Scim => 200 "application/scim+json" "As asked.",
    ScimCreated => 201 "application/scim+json" "Created.",
}

impl<T: JsonSchema> Answer for Events<T> {
    fn describe(schemas: &mut SchemaGenerator) -> (u16, Value) {
        // One event's fields. What its `data` holds has a place of its own in OpenAPI 3.2 only.
        let fields = json!({
            "id": { "type": "string", "maxLength": 8192 },
            "event": { "type": "string", "maxLength": 64 },
            "data": { "type": "string", "contentMediaType": "application/json" },
            "retry": { "type": "integer", "format": "int32", "minimum": 0 },
        });
        let event =
            json!({ "type": "object", "required": ["event", "data"], "properties": fields });
        let stream = json!({ "schema": event, "x-event": schemas.subschema_for::<T>() });
        let content = json!({ "text/event-stream": stream });
        (200, json!({ "description": "Server-sent events, as they happen.", "content": content }))
    }
}

impl Answer for Nothing {
    fn describe(_: &mut SchemaGenerator) -> (u16, Value) {
        (204, json!({ "description": "Done." }))
    }
}

/// A handler that can say what it takes and gives.
pub trait Describe<Args> {
    fn operation(&self, schemas: &mut SchemaGenerator) -> Value;
}

macro_rules! arity {
    ($($arg:ident),*) => {
        impl<H, F, A, $($arg),*> Describe<($($arg,)*)> for H
        where
            H: Fn($($arg),*) -> F,
            F: Future<Output = Result<A>>,
            A: Answer,
            $($arg: Part,)*
        {
            fn operation(&self, schemas: &mut SchemaGenerator) -> Value {
                let mut operation = Map::new();
                $($arg::describe(&mut operation, schemas);)*
                let (status, answer) = A::describe(schemas);
                operation.insert("responses".into(), json!({ status.to_string(): answer }));
                Value::Object(operation)
            }
        }
    };
}

arity!();
arity!(P1);
arity!(P1, P2);
arity!(P1, P2, P3);
arity!(P1, P2, P3, P4);
arity!(P1, P2, P3, P4, P5);
