//! Whether an element of a list is the one a path's brackets are about: a filter, in memory.

use serde_json::{Map, Value};

use crate::filter::{Filter, Operator, Target};

pub fn holds(filter: &Filter, element: &Map<String, Value>) -> bool {
    match filter {
        Filter::And(left, right) => holds(left, element) && holds(right, element),
        Filter::Or(left, right) => holds(left, element) || holds(right, element),
        Filter::Not(inner) => !holds(inner, element),
        Filter::Present(target) => value(target, element).is_some(),
        Filter::Compare(target, operator, wanted) => {
            compare(value(target, element), *operator, wanted, target.leaf.case_exact)
        }
        // Brackets within brackets do not parse.
        Filter::Within(..) => false,
    }
}

fn value<'a>(target: &Target, element: &'a Map<String, Value>) -> Option<&'a Value> {
    let name = target.place.attribute?.name.as_str();
    element.get(name).filter(|value| !value.is_null())
}

fn compare(found: Option<&Value>, operator: Operator, wanted: &Value, exact: bool) -> bool {
    let fold = |value: &Value| match value {
        Value::String(text) if !exact => Value::String(text.to_lowercase()),
        other => other.clone(),
    };
    let found = found.map_or(Value::Null, fold);
    let wanted = fold(wanted);
    let texts = || Some((found.as_str()?, wanted.as_str()?));
    let of = |check: fn(&str, &str) -> bool| texts().is_some_and(|(a, b)| check(a, b));
    match operator {
        Operator::Equal => found == wanted,
        Operator::NotEqual => found != wanted,
        Operator::Contains => of(|a, b| a.contains(b)),
        Operator::StartsWith => of(|a, b| a.starts_with(b)),
        Operator::EndsWith => of(|a, b| a.ends_with(b)),
        Operator::Greater => of(|a, b| a > b),
        Operator::GreaterOrEqual => of(|a, b| a >= b),
        Operator::Less => of(|a, b| a < b),
        Operator::LessOrEqual => of(|a, b| a <= b),
    }
}

/// What such an element must at least have: `type eq "work"` as `{ "type": "work" }`. For a client
/// that sets a value in an element which is not there yet.
pub fn example(filter: &Filter) -> Option<Map<String, Value>> {
    match filter {
        Filter::Compare(target, Operator::Equal, wanted) => {
            let name = target.place.attribute?.name.clone();
            Some(Map::from_iter([(name, wanted.clone())]))
        }
        Filter::And(left, right) => {
            let mut both = example(left)?;
            both.extend(example(right)?);
            Some(both)
        }
        _ => None,
    }
}
