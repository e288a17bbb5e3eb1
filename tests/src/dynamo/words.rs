//! DynamoDB's expressions, as far as the product writes them.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::{Map, Value, json};

pub(super) type Item = Map<String, Value>;

/// Whether a condition is so of an item.
pub(super) fn holds(condition: &str, item: &Item, values: &Value) -> bool {
    let mut read = Reader { words: words(condition), item, values };
    let so = read.any();
    assert!(read.words.next().is_none(), "more than a condition: {condition}");
    so
}

/// Changes an item as an update says.
pub(super) fn change(update: &str, item: &mut Item, values: &Value) {
    let mut words = words(update);
    let mut clause = String::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "set" | "add" | "remove" | "delete" => clause = word,
            "," => {}
            name => {
                if clause == "set" {
                    assert_eq!(words.next().as_deref(), Some("="), "{update}");
                }
                let value = match clause.as_str() {
                    "remove" => Value::Null,
                    _ => values[words.next().unwrap_or_default()].clone(),
                };
                one(&clause, item, name, value);
            }
        }
    }
}

fn one(clause: &str, item: &mut Item, name: &str, value: Value) {
    let texts = |value: Option<&Value>| -> BTreeSet<String> {
        let texts = value.and_then(|value| value["SS"].as_array()).into_iter().flatten();
        texts.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let (before, given) = (texts(item.get(name)), texts(Some(&value)));
    let after = match clause {
        "set" => Some(value),
        "remove" => None,
        "add" if value.get("N").is_some() => {
            let number = |value: Option<&Value>| value.and_then(number).unwrap_or_default();
            let sum = number(item.get(name)) + number(Some(&value));
            Some(json!({ "N": sum.to_string() }))
        }
        "add" => Some(json!({ "SS": before.union(&given).collect::<Vec<_>>() })),
        "delete" => {
            let left: Vec<_> = before.difference(&given).collect();
            (!left.is_empty()).then(|| json!({ "SS": left }))
        }
        other => panic!("`{other}` is no clause"),
    };
    match after {
        Some(value) => drop(item.insert(name.to_owned(), value)),
        None => drop(item.remove(name)),
    }
}

struct Reader<'a> {
    words: Peekable<IntoIter<String>>,
    item: &'a Item,
    values: &'a Value,
}

impl Reader<'_> {
    fn any(&mut self) -> bool {
        let mut so = self.all();
        while self.words.next_if(|word| word == "or").is_some() {
            so |= self.all();
        }
        so
    }

    fn all(&mut self) -> bool {
        let mut so = self.single();
        while self.words.next_if(|word| word == "and").is_some() {
            so &= self.single();
        }
        so
    }

    fn single(&mut self) -> bool {
        let word = self.words.next().unwrap_or_default();
        match word.as_str() {
            "(" => {
                let so = self.any();
                self.expect(")");
                so
            }
            "attribute_exists" | "attribute_not_exists" => {
                self.expect("(");
                let name = self.words.next().unwrap_or_default();
                self.expect(")");
                self.item.contains_key(&name) == (word == "attribute_exists")
            }
            _ => {
                let left = self.value(&word);
                let how = self.words.next().unwrap_or_default();
                let right = self.words.next().unwrap_or_default();
                let right = self.value(&right);
                let (Some(left), Some(right)) = (left, right) else { return false };
                match (how.as_str(), number(&left), number(&right)) {
                    ("=", ..) => left == right,
                    ("<", Some(left), Some(right)) => left < right,
                    ("<=", Some(left), Some(right)) => left <= right,
                    _ => panic!("`{how}` of {left} and {right}"),
                }
            }
        }
    }

    fn value(&self, word: &str) -> Option<Value> {
        if word.starts_with(':') {
            return self.values.get(word).cloned();
        }
        self.item.get(word).cloned()
    }

    fn expect(&mut self, word: &str) {
        assert_eq!(self.words.next().as_deref(), Some(word));
    }
}

fn number(value: &Value) -> Option<i128> {
    value["N"].as_str()?.parse().ok()
}

fn words(text: &str) -> Peekable<IntoIter<String>> {
    let mut words: Vec<String> = Vec::new();
    for part in text.split_whitespace() {
        let mut word = String::new();
        for c in part.chars() {
            if matches!(c, '(' | ')' | ',') {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                words.push(c.to_string());
            } else {
                word.push(c);
            }
        }
        words.extend((!word.is_empty()).then_some(word));
    }
    words.into_iter().peekable()
}
