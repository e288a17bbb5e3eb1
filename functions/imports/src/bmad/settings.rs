//! Taking typed values out of a settings table, so that what nobody took is what is left over.

use serde_json::{Map, Value as Json};
use toml::{Table, Value};

use super::fit;

pub(super) fn parse(text: &str) -> Result<Table, String> {
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        let message: String = error.message().chars().take(160).collect();
        format!("is not TOML: {message}")
    })?;
    if text.contains(r"\u0000") || text.contains(r"\U00000000") || text.contains(r"\x00") {
        table = table.into_iter().map(|(key, value)| (fit::plain(&key), plain(value))).collect();
    }
    Ok(table)
}

fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(fit::plain(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Table(table) => Value::Table(
            table.into_iter().map(|(key, value)| (fit::plain(&key), plain(value))).collect(),
        ),
        other => other,
    }
}

pub(super) fn take_text(table: &mut Table, key: &str) -> Option<String> {
    match table.get(key) {
        Some(Value::String(text)) if text.trim().is_empty() => {
            table.remove(key);
            None
        }
        Some(Value::String(text)) => {
            let text = text.trim().to_owned();
            table.remove(key);
            Some(text)
        }
        _ => None,
    }
}

/// One text or a list of texts. A list with anything else in it stays where it is.
pub(super) fn take_texts(table: &mut Table, key: &str) -> Vec<String> {
    let texts: Vec<String> = match table.get(key) {
        Some(Value::String(text)) => vec![text.trim().to_owned()],
        Some(Value::Array(items)) if items.iter().all(Value::is_str) => {
            items.iter().filter_map(Value::as_str).map(|text| text.trim().to_owned()).collect()
        }
        _ => return Vec::new(),
    };
    table.remove(key);
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

pub(super) fn take_flag(table: &mut Table, key: &str) -> Option<bool> {
    let flag = table.get(key).and_then(Value::as_bool)?;
    table.remove(key);
    Some(flag)
}

/// The tables of a list of tables. Any other list stays where it is.
pub(super) fn take_tables(table: &mut Table, key: &str) -> Vec<Table> {
    let all_tables =
        matches!(table.get(key), Some(Value::Array(items)) if items.iter().all(Value::is_table));
    if !all_tables {
        return Vec::new();
    }
    match table.remove(key) {
        Some(Value::Array(items)) => {
            items.into_iter().filter_map(|item| item.try_into().ok()).collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn json(table: Table) -> Map<String, Json> {
    table.into_iter().map(|(key, value)| (key, to_json(value))).collect()
}

fn to_json(value: Value) -> Json {
    match value {
        Value::String(text) => Json::String(text),
        Value::Integer(number) => Json::from(number),
        Value::Float(number) => Json::from(number),
        Value::Boolean(flag) => Json::Bool(flag),
        Value::Datetime(moment) => Json::String(moment.to_string()),
        Value::Array(items) => items.into_iter().map(to_json).collect(),
        Value::Table(table) => Json::Object(json(table)),
    }
}
