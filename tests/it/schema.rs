//! Whether a value fits a schema of the API's document: the part of JSON Schema that the document
//! uses, and an error for any other.

use serde_json::Value;

/// Keywords that say something to people, or that a body of ours cannot break.
const ANNOTATIONS: [&str; 8] = [
    "contentEncoding",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "$schema",
    "pattern",
];

/// Every way in which `value` does not fit, each with its place.
pub(crate) fn misfits(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(anything) = schema.as_bool() {
        if !anything {
            found.push(format!("{at}: nothing is allowed here"));
        }
        return;
    }
    let schema = schema.as_object().unwrap_or_else(|| panic!("{at}: no schema: {schema}"));
    for (keyword, rule) in schema {
        match keyword.as_str() {
            "$ref" => check(document, resolve(document, rule), value, at, found),
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !types.iter().any(|name| is(name.as_str().unwrap_or_default(), value)) {
                    found.push(format!("{at}: {value} is no {rule}"));
                }
            }
            "properties" => properties(document, schema, value, at, found),
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(key)) {
                        check(document, rule, inner, &format!("{at}/{key}"), found);
                    }
                }
            }
            "required" => {
                for key in rule.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if value.is_object() && value.get(key).is_none() {
                        found.push(format!("{at}: `{key}` is missing"));
                    }
                }
            }
            "items" => {
                for (n, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, rule, inner, &format!("{at}/{n}"), found);
                }
            }
            "enum" if !rule.as_array().is_some_and(|all| all.contains(value)) => {
                found.push(format!("{at}: {value} is none of {rule}"));
            }
            "anyOf" | "oneOf" => {
                let fits = |one: &&Value| misfits(document, one, value).is_empty();
                let fitting = rule.as_array().into_iter().flatten().filter(fits).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    found.push(format!("{at}: {value} fits {fitting} of {rule}"));
                }
            }
            "const" if rule != value => found.push(format!("{at}: {value} is not {rule}")),
            "format" => format(rule.as_str().unwrap_or_default(), value, at, found),
            "minimum" | "maximum" => {
                let (bound, number) = (rule.as_f64().unwrap(), value.as_f64());
                let low = keyword == "minimum";
                if number.is_some_and(|n| if low { n < bound } else { n > bound }) {
                    found.push(format!("{at}: {value} breaks {keyword} {bound}"));
                }
            }
            "minItems" | "maxItems" => {
                let bound = usize::try_from(rule.as_u64().unwrap()).unwrap();
                let low = keyword == "minItems";
                let length = value.as_array().map(Vec::len);
                if length.is_some_and(|n| if low { n < bound } else { n > bound }) {
                    found.push(format!("{at}: {value} breaks {keyword} {bound}"));
                }
            }
            "minLength" | "maxLength" => {
                let bound = usize::try_from(rule.as_u64().unwrap()).unwrap();
                let low = keyword == "minLength";
                let length = value.as_str().map(|text| text.chars().count());
                if length.is_some_and(|n| if low { n < bound } else { n > bound }) {
                    found.push(format!("{at}: {value} breaks {keyword} {bound}"));
                }
            }
            "enum" | "const" => {}
            known if ANNOTATIONS.contains(&known) || known.starts_with("x-") => {}
            other => panic!("{at}: the check does not know `{other}`"),
        }
    }
}

/// What is there must be documented, unless the schema leaves it open.
fn properties(
    document: &Value,
    schema: &serde_json::Map<String, Value>,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let known = &schema["properties"];
    for (key, inner) in value.as_object().into_iter().flatten() {
        match known.get(key) {
            Some(rule) => check(document, rule, inner, &format!("{at}/{key}"), found),
            None if schema.contains_key("additionalProperties") => {}
            None => found.push(format!("{at}: `{key}` is not in the document")),
        }
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}

fn format(name: &str, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(text) = value.as_str() else { return };
    let good = match name {
        "uuid" => text.parse::<uuid::Uuid>().is_ok(),
        "date-time" => text.parse::<jiff::Timestamp>().is_ok() && text.ends_with('Z'),
        "binary" => true,
        other => panic!("{at}: the check does not know the format `{other}`"),
    };
    if !good {
        found.push(format!("{at}: {text} is no {name}"));
    }
}

/// What a local reference points at.
pub(crate) fn resolve<'a>(document: &'a Value, reference: &Value) -> &'a Value {
    let text = reference.as_str().unwrap();
    let pointer = text.strip_prefix('#').unwrap_or_else(|| panic!("not local: {text}"));
    document.pointer(pointer).unwrap_or_else(|| panic!("{text} leads nowhere"))
}
