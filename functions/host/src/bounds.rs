//! Bounds for what a type leaves open: the document says of every text, list and number how much of
//! it there can be, and it is what the front door holds everybody to.

use serde_json::{Map, Value, json};
use shared::http::{LARGEST_BODY, LARGEST_JSON, MOST_MEMBERS};

/// Sets what is missing in every schema within, and changes nothing that is there.
pub(crate) fn set(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(set),
        Value::Object(schema) => {
            bound(schema);
            schema.values_mut().for_each(set);
        }
        _ => {}
    }
}

fn bound(schema: &mut Map<String, Value>) {
    let is = |name: &str| match &schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    };
    let (text, list, number) = (is("string"), is("array"), is("integer"));
    if text && !["enum", "const", "maxLength"].iter().any(|key| schema.contains_key(*key)) {
        let longest = match schema.get("format").and_then(Value::as_str) {
            Some("uuid") => 36,
            Some("date-time") => 35,
            Some("binary") => LARGEST_BODY,
            _ => LARGEST_JSON,
        };
        schema.insert("maxLength".into(), json!(longest));
    }
    if list && !schema.contains_key("maxItems") {
        schema.insert("maxItems".into(), json!(MOST_MEMBERS));
    }
    if number && !schema.contains_key("const") {
        let format = schema.entry("format").or_insert(json!("int64"));
        let (least, most) = match format.as_str() {
            Some("uint8") => (json!(0), json!(u8::MAX)),
            Some("uint16") => (json!(0), json!(u16::MAX)),
            Some("int16") => (json!(i16::MIN), json!(i16::MAX)),
            Some("uint32") => (json!(0), json!(u32::MAX)),
            Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
            Some("uint" | "uint64") => (json!(0), json!(u64::MAX)),
            _ => (json!(i64::MIN), json!(i64::MAX)),
        };
        schema.entry("minimum").or_insert(least);
        schema.entry("maximum").or_insert(most);
    }
}
