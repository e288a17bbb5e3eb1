//! YAML as a tree that keeps the order of its keys: phases and sequences of generation A mean their
//! order.
//!
//! `serde-saphyr` and not one of the forks of `serde_yaml`: those wrap a port of libyaml that
//! nobody develops (`serde_yaml_ng` and `serde_norway` last released in 2024), this one is released
//! often, is written not to panic, refuses doubled keys and has budgets against documents that
//! expand without end.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fit;

/// Deeper than any definition, shallow enough to walk recursively.
const MAX_DEPTH: usize = 48;
const MAX_NODES: usize = 100_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// One document; the message says where it goes wrong.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut options = serde_saphyr::Options::default();
    let mut budget = serde_saphyr::Budget::default();
    budget.max_depth = MAX_DEPTH;
    budget.max_nodes = MAX_NODES;
    budget.max_aliases = 100;
    options.budget = Some(budget);
    options.with_snippet = false;
    // `yes` and `y` are words, as in the YAML 1.2 that the definitions are written for.
    options.strict_booleans = true;
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.to_string();
        line.lines().next().unwrap_or("not YAML").chars().take(160).collect()
    })
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The pairs of a mapping; none of anything else.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// A scalar as text; `None` for nothing, lists and mappings.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.trim().to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(flag) => Some(flag.to_string()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    pub(super) fn text_at(&self, key: &str) -> Option<String> {
        self.get(key).and_then(Self::text).filter(|text| !text.is_empty())
    }

    /// One text, or a list of texts: both are written where several are meant.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::List(items) => items.iter().filter_map(Self::text).collect(),
            other => other.text().into_iter().collect(),
        }
    }

    pub(super) fn texts_at(&self, key: &str) -> Vec<String> {
        self.get(key).map(Self::texts).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(_) => Value::Object(self.to_map(&[])),
        }
    }

    /// A mapping without the named keys.
    pub(super) fn to_map(&self, without: &[&str]) -> Map<String, Value> {
        self.entries()
            .iter()
            .filter(|(key, _)| !without.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.to_json()))
            .collect()
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node, E> {
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        // JSON has no infinity: such a number stays readable as text.
        Ok(Number::from_f64(number).map_or_else(|| Node::Text(number.to_string()), Node::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(fit::plain(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Node>()? {
            let value = entries.next_value()?;
            map.push((key.text().unwrap_or_default(), value));
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_scalars_their_kind() {
        let node = parse("z: 1\na: [x, 2.5, true, ~]\nm:\n  k: 'v'\n").unwrap();
        let keys: Vec<_> = node.entries().iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["z", "a", "m"]);
        assert_eq!(node.get("a").unwrap().texts(), ["x", "2.5", "true"]);
        assert_eq!(node.get("m").unwrap().text_at("k").as_deref(), Some("v"));
    }

    #[test]
    fn doubled_keys_and_deep_or_exploding_documents_are_errors() {
        assert!(parse("a: 1\na: 2\n").is_err());
        assert!(parse(&"[".repeat(5_000)).is_err());
        let nine = |from: char, to: char| {
            format!("{to}: &{to} [{}]\n", ["*", &from.to_string(), ","].concat().repeat(9))
        };
        let levels = ('a'..'i').zip('b'..='i').map(|(from, to)| nine(from, to));
        let bomb: Vec<String> =
            std::iter::once("a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()).chain(levels).collect();
        assert!(parse(&bomb.concat()).is_err());
    }
}
