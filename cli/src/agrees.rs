//! Whether what this client takes the API for is what openapi.json says it is.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, generate::SchemaGenerator};
use serde_json::{Value, json};

use crate::api::{self, Operation};
use crate::model::{ForkRequest, RunRequest};

fn document() -> Value {
    serde_json::from_str(include_str!("../../openapi.json")).unwrap()
}

/// Our type as a schema without references.
fn ours<T: JsonSchema>(reads: bool) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|it| it.inline_subschemas = true);
    let settings = if reads { settings.for_deserialize() } else { settings.for_serialize() };
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}

/// Follows a reference, and the `anyOf` of something that may be null; whether it may be null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, bool) {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').unwrap();
        return resolved(document, document.pointer(pointer).unwrap_or_else(|| panic!("{name}")));
    }
    let nullable = types(schema).contains(&"null".to_owned());
    if let Some(any) = schema["anyOf"].as_array() {
        let null = any.iter().any(|it| it["type"] == "null");
        let real = any.iter().find(|it| it["type"] != "null").unwrap();
        return (resolved(document, real).0, null);
    }
    (schema, nullable)
}

fn types(schema: &Value) -> Vec<String> {
    let kinds = match &schema["type"] {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    kinds.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect()
}

fn required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().into_iter().flatten().any(|it| it == name)
}

/// What of `reader` does not fit what `writer` may send.
fn misfits(
    at: &str,
    (writers, writer): (&Value, &Value),
    (readers, reader): (&Value, &Value),
    found: &mut Vec<String>,
) {
    let (writer, may_be_null) = resolved(writers, writer);
    let (reader, takes_null) = resolved(readers, reader);
    let takes = types(reader);
    // `true`, or a schema without a type: anything.
    if takes.is_empty() && reader["properties"].is_null() && reader["enum"].is_null() {
        return;
    }
    if may_be_null && !takes_null {
        found.push(format!("{at}: may be null"));
    }
    for kind in types(writer).iter().filter(|kind| *kind != "null") {
        if !takes.contains(kind) {
            found.push(format!("{at}: is {kind}, taken for {takes:?}"));
        }
    }
    if types(writer).is_empty() && writer["oneOf"].is_null() {
        found.push(format!("{at}: may be anything, taken for {takes:?}"));
    }
    for (limit, beyond) in [("minimum", -1.0), ("maximum", 1.0)] {
        let (sent, most) = (bound(writer, limit), bound(reader, limit));
        if let Some(most) = most
            && sent.is_none_or(|sent| (sent - most) * beyond > 0.0)
        {
            found.push(format!("{at}: {limit} {sent:?}, taken up to {most}"));
        }
    }
    if let Some(known) = reader["enum"].as_array() {
        match writer["enum"].as_array() {
            Some(sent) => found.extend(
                sent.iter().filter(|it| !known.contains(it)).map(|it| format!("{at}: {it} too")),
            ),
            None => found.push(format!("{at}: any text, taken for one of {known:?}")),
        }
    }
    if reader["format"] != writer["format"] && reader["format"].is_string() {
        let text = takes.contains(&"string".to_owned());
        if text {
            found.push(format!("{at}: format {}, not {}", writer["format"], reader["format"]));
        }
    }
    if reader["items"].is_object() {
        let items = ((writers, &writer["items"]), (readers, &reader["items"]));
        misfits(&format!("{at}[]"), items.0, items.1, found);
    }
    for (name, field) in reader["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        let Some(sent) = writer["properties"].get(name) else {
            found.push(format!("{at}: is not there"));
            continue;
        };
        if required(reader, name) && !required(writer, name) {
            found.push(format!("{at}: may be absent"));
        }
        misfits(&at, (writers, sent), (readers, field), found);
    }
    for name in reader["required"].as_array().into_iter().flatten() {
        if reader["properties"].get(name.as_str().unwrap()).is_none() {
            found.push(format!("{at}: needs {name}"));
        }
    }
    if reader["additionalProperties"] == false {
        for (name, _) in writer["properties"].as_object().into_iter().flatten() {
            if reader["properties"].get(name).is_none() {
                found.push(format!("{at}.{name}: is not taken"));
            }
        }
    }
}

/// The bounds that numbers have by their format, where the schema does not say them; rounded as
/// JSON's numbers are.
fn bound(schema: &Value, limit: &str) -> Option<f64> {
    let (low, high) = match schema["format"].as_str() {
        Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
        Some("int64") => (-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_807.0),
        Some("uint32") => (0.0, f64::from(u32::MAX)),
        Some("uint" | "uint64") => (0.0, 18_446_744_073_709_551_615.0),
        _ => return schema[limit].as_f64(),
    };
    Some(if limit == "minimum" { low } else { high })
}

/// What of an operation is not as the document says.
fn differences<T: JsonSchema>(document: &Value, operation: &Operation<T>) -> Vec<String> {
    let Operation { id, path, query, once, .. } = operation;
    let there = &document["paths"][path][operation.method.to_lowercase()];
    if there["operationId"] != *id {
        return vec![format!("{id}: {} {path} is {}", operation.method, there["operationId"])];
    }
    let mut found = Vec::new();
    let parameters = there["parameters"].as_array().cloned().unwrap_or_default();
    let has =
        |kind: &str, name: &str| parameters.iter().any(|it| it["in"] == kind && it["name"] == name);
    found.extend(query.iter().filter(|it| !has("query", it)).map(|it| format!("{id}: no {it}")));
    if *once && !has("header", "Idempotency-Key") {
        found.push(format!("{id}: is not done once by its key"));
    }
    let sent = |it: &&Value| {
        let (kind, name) = (it["in"].as_str().unwrap(), it["name"].as_str().unwrap());
        (kind == "path" && path.contains(&format!("{{{name}}}"))) || query.contains(&name)
    };
    let missing = parameters.iter().filter(|it| it["required"] == true).find(|it| !sent(it));
    found.extend(missing.map(|it| format!("{id}: needs {}", it["name"])));
    let good = there["responses"].as_object().unwrap().iter().find(|it| it.0.starts_with('2'));
    let answer = &good.unwrap().1["content"]["application/json"]["schema"];
    let reader = ours::<T>(true);
    misfits(id, (document, answer), (&reader, &reader), &mut found);
    found
}

fn all(document: &Value) -> Vec<Vec<String>> {
    vec![
        differences(document, &api::SESSION),
        differences(document, &api::IMPORT),
        differences(document, &api::AGENTS),
        differences(document, &api::WORKFLOWS),
        differences(document, &api::RUNS),
        differences(document, &api::START),
        differences(document, &api::RUN),
        differences(document, &api::CANCEL),
        differences(document, &api::FORK),
        differences(document, &api::DIFF),
        differences(document, &api::EVENTS),
        differences(document, &api::STREAM),
        differences(document, &api::MESSAGES),
        differences(document, &api::DOCUMENTS),
        differences(document, &api::DOCUMENT),
        differences(document, &api::ACCOUNTS),
        differences(document, &api::SWITCH),
    ]
}

/// The body of a run is read by the API, so the roles are the other way round.
fn request(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let written = [
        ("/v1/runs", "RunRequest", ours::<RunRequest<'_>>(false)),
        ("/v1/runs/{id}/fork", "ForkRequest", ours::<ForkRequest<'_>>(false)),
    ];
    for (path, name, writer) in written {
        let body = &document["paths"][path]["post"]["requestBody"];
        let reader = &body["content"]["application/json"]["schema"];
        misfits(name, (&writer, &writer), (document, reader), &mut found);
    }
    found
}

#[test]
fn every_operation_and_field_that_the_client_uses_is_as_the_document_says() {
    let document = document();
    let all = all(&document);
    let constants = include_str!("api.rs").matches("pub(crate) const ").count();
    assert_eq!(all.len(), constants, "an operation is not in the list above");
    assert_eq!(all.concat(), Vec::<String>::new());
    assert_eq!(request(&document), Vec::<String>::new());
    let stream = &document["paths"]["/v1/runs/{id}/stream"]["get"]["responses"]["200"];
    assert!(stream["content"]["text/event-stream"].is_object(), "{stream}");
    let kinds = &document["paths"]["/v1/imports"]["post"]["requestBody"]["content"];
    for kind in ["application/gzip", "application/zip", "application/x-tar"] {
        assert!(kinds[kind].is_object(), "{kind}");
    }
}

/// Each of these changes to the API would break the client, and is noticed.
#[test]
fn a_document_that_says_something_else_is_noticed() {
    let of = |name: &str| format!("/components/schemas/{name}");
    let changes = [
        (of("Event/properties/sequence/type"), json!("string"), "taken for"),
        (of("Event/properties/sequence"), json!({ "type": ["integer", "null"] }), "may be null"),
        (of("Usage/properties/cost_micros"), json!({ "type": "number" }), "is number"),
        (of("Message/properties/usage"), json!({ "type": "string" }), "is string"),
        (of("Message/properties/sequence/format"), json!("int64"), "maximum"),
        (of("Run/required"), json!(["id"]), "may be absent"),
        (of("Stored/properties"), json!({}), "is not there"),
        (of("Document/properties/id/format"), json!("hex"), "format"),
        (of("RunRequest/required"), json!(["workflow", "brief", "team"]), "needs"),
        (of("RunRequest/properties/brief/type"), json!("integer"), "is string"),
        (of("RunRequest/properties/workflow"), json!({ "enum": ["a"] }), "any text"),
        ("/paths/~1v1~1runs/post/parameters".into(), json!([]), "once"),
        ("/paths/~1v1~1runs~1{id}~1events/get/parameters".into(), json!([]), "no after"),
        ("/paths/~1v1~1session/get/operationId".into(), json!("session"), "identity-session"),
    ];
    for (pointer, value, expected) in changes {
        let mut document = document();
        *document.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        let found = [all(&document).concat(), request(&document)].concat();
        let noticed = found.iter().any(|it| it.contains(expected));
        assert!(noticed, "{pointer}: {expected} is not among {found:?}");
    }
}
