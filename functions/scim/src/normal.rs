//! What a client sent, as it is kept: known attributes in their own spelling, of their own type.
//!
//! What is not in the schemas is left out in silence, as RFC 7644 lets us: identity providers send
//! what they have, and what we do not need we do not keep.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use shared::{Error, Result};

use crate::schema::{Attribute, Form, Kind, Mutability, common};

const LONGEST_TEXT: usize = 4 * 1024;
/// Values of one attribute; members of one group.
const MOST: usize = 10_000;

pub fn resource(kind: Kind, given: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut kept = Map::new();
    let core = kind.attributes(kind.core())?;
    for (name, value) in given {
        if let Some(urn) = kind.extension().filter(|urn| name.eq_ignore_ascii_case(urn)) {
            let Value::Object(inner) = value else {
                return Err(invalid(urn, "must be an object"));
            };
            let inner = attributes(kind.attributes(urn)?, inner)?;
            if !inner.is_empty() {
                kept.insert(urn.to_owned(), inner.into());
            }
            continue;
        }
        let known = core.iter().chain(common()?);
        let attribute = known.into_iter().find(|one| one.name.eq_ignore_ascii_case(name));
        let Some(attribute) = attribute.filter(|one| one.mutability != Mutability::ReadOnly) else {
            continue;
        };
        if let Some(value) = self::value(attribute, value)? {
            kept.insert(attribute.name.clone(), value);
        }
    }
    required(core, &kept)?;
    Ok(kept)
}

fn required(attributes: &[Attribute], kept: &Map<String, Value>) -> Result<()> {
    match attributes.iter().find(|one| one.required && !kept.contains_key(&one.name)) {
        Some(missing) => Err(invalid(&missing.name, "is required")),
        None => Ok(()),
    }
}

fn attributes(known: &[Attribute], given: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut kept = Map::new();
    for (name, value) in given {
        let attribute = known.iter().find(|one| one.name.eq_ignore_ascii_case(name));
        let Some(attribute) = attribute.filter(|one| one.mutability != Mutability::ReadOnly) else {
            continue;
        };
        if let Some(value) = self::value(attribute, value)? {
            kept.insert(attribute.name.clone(), value);
        }
    }
    Ok(kept)
}

/// `None` when it is unassigned: null and an empty list are.
pub fn value(attribute: &Attribute, given: &Value) -> Result<Option<Value>> {
    if given.is_null() {
        return Ok(None);
    }
    if !attribute.multi_valued {
        return single(attribute, given);
    }
    let items = match given {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if items.len() > MOST {
        return Err(invalid(&attribute.name, "has too many values"));
    }
    let mut kept: Vec<Value> = Vec::new();
    let mut seen = HashSet::new();
    for item in items {
        let Some(item) = single(attribute, item)? else { continue };
        // Of a group that names somebody twice, they are a member once.
        if item["value"].is_null() || seen.insert(format!("{} {}", item["value"], item["type"])) {
            kept.push(item);
        }
    }
    if kept.iter().filter(|item| item["primary"] == true).count() > 1 {
        return Err(invalid(&attribute.name, "has more than one primary value"));
    }
    Ok((!kept.is_empty()).then(|| kept.into()))
}

fn single(attribute: &Attribute, given: &Value) -> Result<Option<Value>> {
    let name = attribute.name.as_str();
    match (attribute.form, given) {
        (_, Value::Null) => Ok(None),
        (Form::Boolean, Value::Bool(_)) => Ok(Some(given.clone())),
        // As one of the large identity providers sends it.
        (Form::Boolean, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true.into())),
            "false" => Ok(Some(false.into())),
            _ => Err(invalid(name, "must be true or false")),
        },
        (Form::String | Form::Reference | Form::DateTime, Value::String(text)) => {
            if text.len() > LONGEST_TEXT || text.contains('\0') {
                return Err(invalid(name, "is too long, or has a NUL character"));
            }
            if attribute.required && text.trim().is_empty() {
                return Err(invalid(name, "is empty"));
            }
            Ok(Some(given.clone()))
        }
        (Form::Complex, Value::Object(inner)) => {
            let kept = attributes(&attribute.sub_attributes, inner)?;
            Ok((!kept.is_empty()).then(|| kept.into()))
        }
        // A list of plain texts stands for their values.
        (Form::Complex, Value::String(_)) if attribute.sub("value").is_some() => {
            Ok(Some(json!({ "value": given })))
        }
        (Form::Boolean, _) => Err(invalid(name, "must be true or false")),
        (Form::Complex, _) => Err(invalid(name, "must be an object")),
        _ => Err(invalid(name, "must be a text")),
    }
}

pub fn invalid(name: &str, rule: &str) -> Error {
    Error::Invalid(format!("`{name}` {rule}: see `GET /scim/v2/Schemas`"))
}

/// The copy that filters are put to: keys in lower case, and texts too unless their case counts.
pub fn folded(kind: Kind, kept: &Map<String, Value>) -> Result<Value> {
    let mut all = Map::new();
    let core = kind.attributes(kind.core())?;
    for (name, value) in kept {
        let extension = kind.extension().filter(|urn| urn == name);
        let value = if let (Some(urn), Value::Object(inner)) = (extension, value) {
            fold_all(kind.attributes(urn)?, inner)
        } else {
            let attribute = core.iter().chain(common()?).find(|one| one.name == *name);
            attribute.map_or(Value::Null, |attribute| fold(attribute, value))
        };
        all.insert(name.to_ascii_lowercase(), value);
    }
    Ok(all.into())
}

fn fold_all(attributes: &[Attribute], values: &Map<String, Value>) -> Value {
    let folded = values.iter().filter_map(|(name, value)| {
        let attribute = attributes.iter().find(|one| one.name == *name)?;
        Some((name.to_ascii_lowercase(), fold(attribute, value)))
    });
    folded.collect::<Map<_, _>>().into()
}

fn fold(attribute: &Attribute, value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| fold(attribute, item)).collect(),
        Value::Object(inner) => fold_all(&attribute.sub_attributes, inner),
        Value::String(text) if !attribute.case_exact => text.to_lowercase().into(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{folded, resource};
    use crate::schema::Kind;

    fn kept(given: &Value) -> Value {
        resource(Kind::User, given.as_object().unwrap()).unwrap().into()
    }

    #[test]
    fn a47_what_is_kept_is_spelled_and_typed_as_the_schemas_say() {
        let given = json!({
            "USERNAME": "Bjensen", "Active": "True", "id": "mine", "groups": [{ "value": "x" }],
            "emails": [{ "Value": "B@x.org", "TYPE": "work", "odd": 1 }], "password": "secret",
            "nickName": null, "phoneNumbers": [], "shoeSize": 44,
        });
        let expected = json!({
            "userName": "Bjensen", "active": true, "emails": [{ "value": "B@x.org", "type": "work" }],
        });
        assert_eq!(kept(&given), expected);
        let folded = folded(Kind::User, expected.as_object().unwrap()).unwrap();
        assert_eq!(folded["username"], "bjensen");
        assert_eq!(folded["emails"][0]["value"], "b@x.org");
    }

    #[test]
    fn a47_a_value_of_another_type_is_refused() {
        for given in [
            json!({}),
            json!({ "userName": 5 }),
            json!({ "userName": " " }),
            json!({ "userName": "a", "active": "yes" }),
            json!({ "userName": "a", "name": "b" }),
            json!({ "userName": "a", "emails": [5] }),
            json!({ "userName": "a\0" }),
            json!({ "userName": "a", "emails": [{ "value": "b", "primary": true }, { "value": "c", "primary": true }] }),
        ] {
            assert!(resource(Kind::User, given.as_object().unwrap()).is_err(), "{given}");
        }
    }
}
