//! Whether a value fits its JSON Schema (2020-12), told when it is written and never later.

use jsonschema::{Draft, PatternOptions};
use serde_json::Value;

use crate::model::{Broken, Result};

/// Names at most this many misfits; who mends them asks again.
const SHOWN: usize = 3;

/// An error names the places that do not fit. Nothing outside the schema is ever fetched, and a
/// pattern takes time in proportion to the text.
pub fn fits(schema: &Value, value: &Value) -> Result<()> {
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| Broken(format!("schema is no JSON Schema: {error:.200}")))?;
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .take(SHOWN)
        .map(|error| format!("at `{}`: {error:.120}", error.instance_path()))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Broken(format!("value does not fit the schema: {}", wrong.join("; "))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::fits;

    fn says(schema: &Value, value: &Value) -> String {
        fits(schema, value).err().map(|broken| broken.0).unwrap_or_default()
    }

    #[test]
    fn a_value_fits_or_its_place_is_named() {
        let schema = json!({ "type": "object", "required": ["days"], "additionalProperties": false,
            "properties": { "days": { "type": "integer", "minimum": 1 } } });
        assert_eq!(says(&schema, &json!({ "days": 30 })), "");
        assert!(says(&schema, &json!({ "days": 0 })).contains("at `/days`"));
        assert!(says(&schema, &json!({ "day": 1 })).contains("does not fit"));
    }

    #[test]
    fn a_schema_that_is_none_or_points_elsewhere_is_refused() {
        assert!(says(&json!({ "type": "nothing" }), &json!(1)).contains("no JSON Schema"));
        for elsewhere in ["https://example.test/schema.json", "file:///etc/passwd"] {
            assert!(says(&json!({ "$ref": elsewhere }), &json!(1)).contains("no JSON Schema"));
        }
    }

    #[test]
    fn a_pattern_that_explodes_elsewhere_is_answered_at_once() {
        let schema = json!({ "pattern": "^(a+)+$" });
        assert!(says(&schema, &json!(format!("{}!", "a".repeat(10_000)))).contains("does not fit"));
        // What needs backtracking is no pattern here.
        assert!(says(&json!({ "pattern": "^(?=(a+)+$)" }), &json!("a")).contains("no JSON Schema"));
    }
}
