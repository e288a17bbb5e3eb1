//! A resource as a client sees it: with id, meta and what other resources imply; in whole or part.

use serde_json::{Map, Value, json};
use shared::Result;

use crate::model::{Resource, Shown};
use crate::queries::Belonging;
use crate::schema::{Kind, place};

/// Always there, whatever is asked for.
const ALWAYS: [&str; 2] = ["schemas", "id"];

/// `groups`: of all the people that are shown.
pub fn resource(resource: &Resource, groups: &[Belonging], shown: &Shown) -> Result<Value> {
    let kind = resource.kind;
    let mut all = resource.kept.clone();
    let mut schemas = vec![kind.core()];
    schemas.extend(kind.extension().filter(|urn| all.contains_key(*urn)));
    all.insert("schemas".into(), json!(schemas));
    all.insert("id".into(), json!(resource.id));
    all.insert(
        "meta".into(),
        json!({
            "resourceType": kind.name(),
            "created": resource.created_at,
            "lastModified": resource.updated_at,
            "location": kind.location(&resource.id.to_string()),
            "version": resource.tag(),
        }),
    );
    match kind {
        Kind::Group => members(&mut all),
        Kind::User => {
            let theirs: Vec<Value> = groups
                .iter()
                .filter(|one| one.member == resource.id)
                .map(|one| {
                    let location = Kind::Group.location(&one.group.to_string());
                    json!({ "value": one.group, "$ref": location, "display": one.name, "type": "direct" })
                })
                .collect();
            if !theirs.is_empty() {
                all.insert("groups".into(), theirs.into());
            }
        }
    }
    chosen(kind, all, shown)
}

fn members(group: &mut Map<String, Value>) {
    let members = group.get_mut("members").and_then(Value::as_array_mut);
    for member in members.into_iter().flatten() {
        let kind = Kind::of(member["type"].as_str().unwrap_or_default());
        member["type"] = kind.name().into();
        member["$ref"] = kind.location(member["value"].as_str().unwrap_or_default()).into();
    }
}

fn chosen(kind: Kind, mut all: Map<String, Value>, shown: &Shown) -> Result<Value> {
    let names = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
    if let Some(wanted) = &shown.attributes {
        let mut some = Map::new();
        for name in ALWAYS {
            some.extend(all.remove(name).map(|value| (name.to_owned(), value)));
        }
        for name in names(wanted) {
            let Some((home, attribute, sub)) = place_of(kind, &name)? else { continue };
            let Some(value) = get(&all, home.as_deref(), attribute.as_deref()) else { continue };
            put(&mut some, (home, attribute, sub), &value);
        }
        return Ok(some.into());
    }
    for name in shown.excluded.as_deref().map(names).unwrap_or_default() {
        let Some((home, attribute, sub)) = place_of(kind, &name)? else { continue };
        let within = match &home {
            Some(urn) if attribute.is_some() => all.get_mut(urn).and_then(Value::as_object_mut),
            _ => Some(&mut all),
        };
        let (Some(within), Some(attribute)) = (within, attribute.or(home)) else { continue };
        match sub {
            _ if ALWAYS.contains(&attribute.as_str()) => {}
            None => drop(within.remove(&attribute)),
            Some(sub) => match within.get_mut(&attribute) {
                Some(Value::Object(one)) => drop(one.remove(&sub)),
                Some(Value::Array(many)) => {
                    many.iter_mut().filter_map(Value::as_object_mut).for_each(|one| {
                        one.remove(&sub);
                    });
                }
                _ => {}
            },
        }
    }
    Ok(all.into())
}

/// The extension, the attribute and its part, as they are spelled.
type Names = (Option<String>, Option<String>, Option<String>);

fn place_of(kind: Kind, name: &str) -> Result<Option<Names>> {
    let found = place(&[kind], name)?;
    Ok(found.map(|place| {
        let own = |one: Option<&crate::schema::Attribute>| one.map(|one| one.name.clone());
        (place.extension.map(str::to_owned), own(place.attribute), own(place.sub))
    }))
}

fn get(all: &Map<String, Value>, home: Option<&str>, attribute: Option<&str>) -> Option<Value> {
    match (home, attribute) {
        (Some(urn), Some(name)) => all.get(urn)?.get(name).cloned(),
        (Some(whole), None) => all.get(whole).cloned(),
        (None, name) => all.get(name?).cloned(),
    }
}

fn put(some: &mut Map<String, Value>, (home, attribute, sub): Names, value: &Value) {
    let within = match (&home, &attribute) {
        (Some(urn), Some(_)) => {
            some.entry(urn.clone()).or_insert_with(|| json!({})).as_object_mut()
        }
        _ => Some(some),
    };
    let (Some(within), Some(name)) = (within, attribute.or(home)) else { return };
    let Some(sub) = sub else {
        within.insert(name, value.clone());
        return;
    };
    // Parts that were asked for one by one come together again.
    match value {
        Value::Array(many) => {
            let there = within.entry(name).or_insert_with(|| json!(vec![json!({}); many.len()]));
            for (one, from) in there.as_array_mut().into_iter().flatten().zip(many) {
                one[sub.as_str()] = from[sub.as_str()].clone();
            }
        }
        one => {
            let there = within.entry(name).or_insert_with(|| json!({}));
            there[sub.as_str()] = one[sub.as_str()].clone();
        }
    }
}
