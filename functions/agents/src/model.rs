//! What an agent is, and the rules it keeps.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{Error, Result};
use uuid::Uuid;

/// Longest single text of a definition, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;
/// Levels of `extensions`. JSON is read to 127 levels, and the record nests a definition in others.
const DEEPEST: usize = 100;

/// Who an agent is: its persona, what it knows, what it can be asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AgentDefinition")]
pub struct Definition {
    /// The name it goes by, for example Mary.
    pub name: String,
    /// Its job, for example Business Analyst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// When to call on it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identity: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub communication_style: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principles: Vec<String>,
    /// What it keeps in mind throughout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// BCP 47 tag of the language it answers in; absent: the brief's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where the definition came from, for example a path in a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Attachments it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// What an import kept that has no field of its own.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extensions: Map<String, Value>,
}

/// Something an agent can be asked to do: a workflow by name, or a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    pub code: String,
    #[serde(default)]
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What is to be filled in when it is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Attachments that its text names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

impl Definition {
    pub fn check(&self) -> Result<()> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 100 {
            return Err(Error::Invalid("name must be 1 to 100 characters".into()));
        }
        let texts = [&self.description, &self.role, &self.identity, &self.instructions];
        if texts.iter().any(|text| text.len() > LONGEST_TEXT) {
            let rule = format!("a text of a definition may be {LONGEST_TEXT} bytes");
            return Err(Error::Invalid(format!("{rule}: move long material into a document")));
        }
        not_too_deep(&self.extensions)
    }
}

/// Also of workflows.
pub fn not_too_deep(extensions: &Map<String, Value>) -> Result<()> {
    let mut level: Vec<&Value> = extensions.values().collect();
    for _ in 0..DEEPEST {
        level = level
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(fields) => fields.values().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    if level.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "extensions are nested more than {DEEPEST} deep: make them flatter"
    )))
}

/// An agent: its draft, and what is published of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Agent {
    pub id: Uuid,
    pub slug: String,
    pub draft: Definition,
    /// Give this back when changing the draft: it guards against lost updates.
    pub revision: i32,
    /// The newest published version; null before the first.
    pub latest: Option<String>,
    /// Which version each label points at.
    pub labels: Map<String, Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One place where two definitions differ.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// JSON Pointer (RFC 6901).
    pub path: String,
    pub from: Value,
    pub to: Value,
}

/// Where `from` and `to` differ, leaf by leaf; null stands for absent.
pub fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", from, to, &mut found);
    found
}

fn compare(path: &str, from: &Value, to: &Value, found: &mut Vec<Change>) {
    match (from, to) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                let (a, b) = (a.get(key), b.get(key));
                compare(&path, a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                let (a, b) = (a.get(at), b.get(at));
                let path = format!("{path}/{at}");
                compare(&path, a.unwrap_or(&json!(null)), b.unwrap_or(&json!(null)), found);
            }
        }
        _ if from != to => {
            found.push(Change { path: path.into(), from: from.clone(), to: to.clone() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::changes;

    #[test]
    fn a_change_is_named_by_its_pointer() {
        let from = json!({ "name": "Mary", "principles": ["a", "b"], "role": "x" });
        let to = json!({ "name": "Mary", "principles": ["a", "c", "d"], "title": "y" });
        let found = changes(&from, &to);
        let paths: Vec<_> = found.iter().map(|c| c.path.as_str()).collect();
        assert_eq!(paths, ["/principles/1", "/principles/2", "/role", "/title"]);
        assert_eq!(changes(&from, &from), []);
    }
}
