//! PATCH of RFC 7644 (3.5.2), over a resource as it is kept.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::{Error, Result};

use crate::filter::{Filter, parse_within};
use crate::normal;
use crate::schema::{Attribute, Form, Kind, Mutability, Place, place};
use crate::select::{example, holds};

/// Operations of one request.
const MOST: usize = 1_000;

#[derive(Deserialize, JsonSchema)]
pub struct Patch {
    /// `urn:ietf:params:scim:api:messages:2.0:PatchOp`.
    #[serde(default)]
    pub schemas: Vec<String>,
    #[serde(rename = "Operations", alias = "operations")]
    pub operations: Vec<Operation>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Operation {
    /// `add`, `replace` or `remove`.
    pub op: String,
    /// Where: `name.familyName`, `emails[type eq "work"].value`; without it `value` is an object.
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub value: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// A path, taken apart.
struct Aim {
    place: Place,
    element: Option<Filter>,
    /// After the brackets.
    sub: Option<&'static Attribute>,
}

pub fn apply(
    kind: Kind,
    mut kept: Map<String, Value>,
    patch: &Patch,
) -> Result<Map<String, Value>> {
    if patch.operations.is_empty() || patch.operations.len() > MOST {
        return Err(Error::Invalid(format!("Operations has 1 to {MOST} entries")));
    }
    for Operation { op, path, value } in &patch.operations {
        let verb = match op.to_ascii_lowercase().as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => return Err(Error::Invalid("op is add, replace or remove".into())),
        };
        match (path.as_deref().map(str::trim).filter(|path| !path.is_empty()), value) {
            (Some(place), value) => one(kind, &mut kept, verb, place, value)?,
            (None, _) if verb == Verb::Remove => {
                return Err(refused("scim-no-target", "`remove` needs a path"));
            }
            (None, Value::Object(all)) => {
                for (path, value) in all {
                    // What nobody knows is left out here, as in a whole resource.
                    if place(&[kind], path)?.is_some_and(|place| writable(&place)) {
                        one(kind, &mut kept, verb, path, value)?;
                    }
                }
            }
            (None, _) => {
                return Err(Error::Invalid("without a path the value is an object".into()));
            }
        }
    }
    normal::resource(kind, &kept)
}

fn one(
    kind: Kind,
    kept: &mut Map<String, Value>,
    verb: Verb,
    path: &str,
    value: &Value,
) -> Result<()> {
    let aim = aim(kind, path)?;
    let Some(attribute) = aim.place.attribute else {
        return extension(kind, kept, verb, &aim, value);
    };
    if !writable(&aim.place) || aim.sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly) {
        return Err(refused("scim-mutability", "this attribute is read-only: leave it out"));
    }
    let home = match aim.place.extension {
        Some(urn) => kept.entry(urn).or_insert_with(|| Map::new().into()),
        None => return change(kept, attribute, &aim, verb, value),
    };
    match home.as_object_mut() {
        Some(home) => change(home, attribute, &aim, verb, value),
        None => Err(Error::Internal(anyhow::anyhow!("an extension is no object"))),
    }
}

/// The whole of an extension at once.
fn extension(
    kind: Kind,
    kept: &mut Map<String, Value>,
    verb: Verb,
    aim: &Aim,
    value: &Value,
) -> Result<()> {
    let urn = aim.place.extension.unwrap_or_default();
    match (verb, value) {
        (Verb::Remove, _) => drop(kept.remove(urn)),
        (_, Value::Object(all)) => {
            for (name, value) in all {
                let path = format!("{urn}:{name}");
                if place(&[kind], &path)?.is_some_and(|place| writable(&place)) {
                    one(kind, kept, verb, &path, value)?;
                }
            }
        }
        _ => return Err(normal::invalid(urn, "must be an object")),
    }
    Ok(())
}

fn change(
    home: &mut Map<String, Value>,
    attribute: &'static Attribute,
    aim: &Aim,
    verb: Verb,
    value: &Value,
) -> Result<()> {
    if let Some(element) = &aim.element {
        return elements(home, attribute, element, aim.sub, verb, value);
    }
    if let Some(sub) = aim.place.sub {
        return part(home, attribute, sub, verb, value);
    }
    let name = attribute.name.as_str();
    if verb == Verb::Remove {
        remove(home, attribute, value);
        return Ok(());
    }
    let Some(new) = normal::value(attribute, value)? else {
        // An unassigned value: to add it changes nothing, to replace by it takes away.
        if verb == Verb::Replace {
            home.remove(name);
        }
        return Ok(());
    };
    match (verb, home.get_mut(name), new) {
        (Verb::Add, Some(Value::Array(there)), Value::Array(new)) => {
            only_primary(there, &new);
            let known: HashSet<String> = there.iter().map(identity).collect();
            there.extend(new.into_iter().filter(|item| !known.contains(&identity(item))));
        }
        // Parts that are not named stay, also when replaced (RFC 7644, 3.5.2.3).
        (_, Some(Value::Object(there)), Value::Object(new)) => there.extend(new),
        (_, _, new) => drop(home.insert(name.to_owned(), new)),
    }
    Ok(())
}

/// With a value, only those are removed that it names: how some providers take members away.
fn remove(home: &mut Map<String, Value>, attribute: &Attribute, value: &Value) {
    let name = attribute.name.as_str();
    match (home.get_mut(name), normal::value(attribute, value)) {
        (Some(Value::Array(there)), Ok(Some(Value::Array(gone)))) => {
            let gone: HashSet<String> = gone.iter().map(identity).collect();
            there.retain(|item| !gone.contains(&identity(item)));
        }
        _ => drop(home.remove(name)),
    }
}

fn part(
    home: &mut Map<String, Value>,
    attribute: &'static Attribute,
    sub: &'static Attribute,
    verb: Verb,
    value: &Value,
) -> Result<()> {
    let new = if verb == Verb::Remove { None } else { normal::value(sub, value)? };
    let set = |element: &mut Map<String, Value>| match &new {
        Some(new) => drop(element.insert(sub.name.clone(), new.clone())),
        None => drop(element.remove(&sub.name)),
    };
    if attribute.multi_valued {
        let there = home.get_mut(&attribute.name).and_then(Value::as_array_mut);
        there.into_iter().flatten().filter_map(Value::as_object_mut).for_each(set);
    } else if let Some(element) =
        home.entry(attribute.name.clone()).or_insert_with(|| Map::new().into()).as_object_mut()
    {
        set(element);
    }
    Ok(())
}

fn elements(
    home: &mut Map<String, Value>,
    attribute: &'static Attribute,
    filter: &Filter,
    sub: Option<&'static Attribute>,
    verb: Verb,
    value: &Value,
) -> Result<()> {
    let list = home.entry(attribute.name.clone()).or_insert_with(|| Value::Array(Vec::new()));
    let Some(list) = list.as_array_mut() else { return Ok(()) };
    let chosen = |item: &Value| item.as_object().is_some_and(|element| holds(filter, element));
    if verb == Verb::Remove && sub.is_none() {
        list.retain(|item| !chosen(item));
        return Ok(());
    }
    if !list.iter().any(chosen) {
        // To set the value of the work address of somebody who has none is to give them one.
        let new = example(filter).filter(|_| verb != Verb::Remove);
        let none = || refused("scim-no-target", "no value is chosen by the path's filter");
        list.push(new.ok_or_else(none)?.into());
    }
    for item in list.iter_mut().filter(|item| chosen(item)) {
        let Some(element) = item.as_object_mut() else { continue };
        match (sub, verb) {
            (Some(sub), Verb::Remove) => drop(element.remove(&sub.name)),
            (Some(sub), _) => match normal::value(sub, value)? {
                Some(new) => drop(element.insert(sub.name.clone(), new)),
                None => drop(element.remove(&sub.name)),
            },
            (None, _) => {
                let mut whole = normal::value(attribute, value)?.unwrap_or_default();
                let new = whole.as_array_mut().and_then(Vec::pop).unwrap_or_default();
                element.extend(new.as_object().cloned().unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// A new primary value takes the place of the old one.
fn only_primary(there: &mut [Value], new: &[Value]) {
    if new.iter().any(|item| item["primary"] == true) {
        for item in there.iter_mut().filter_map(Value::as_object_mut) {
            if item.get("primary") == Some(&true.into()) {
                item.insert("primary".into(), false.into());
            }
        }
    }
}

/// Values are the same by their value, whatever else is told of them: a group has a member once.
fn identity(item: &Value) -> String {
    if item["value"].is_null() { item.to_string() } else { item["value"].to_string() }
}

fn writable(place: &Place) -> bool {
    let read_only =
        |one: Option<&Attribute>| one.is_some_and(|one| one.mutability == Mutability::ReadOnly);
    !read_only(place.attribute) && !read_only(place.sub)
}

fn aim(kind: Kind, path: &str) -> Result<Aim> {
    let unknown = || refused("scim-invalid-path", "the path leads to no attribute");
    let Some((name, rest)) = path.split_once('[') else {
        let place = place(&[kind], path)?.ok_or_else(unknown)?;
        return Ok(Aim { place, element: None, sub: None });
    };
    let place = place(&[kind], name)?.ok_or_else(unknown)?;
    let attribute = place.attribute.filter(|one| one.multi_valued && one.form == Form::Complex);
    let attribute = attribute.ok_or_else(unknown)?;
    let (filter, after) = rest.rsplit_once(']').ok_or_else(unknown)?;
    let element = Some(parse_within(attribute, filter)?);
    let sub = match after {
        "" => None,
        after => {
            let name = after.strip_prefix('.').ok_or_else(unknown)?;
            Some(attribute.sub(name).ok_or_else(unknown)?)
        }
    };
    Ok(Aim { place, element, sub })
}

fn refused(code: &'static str, detail: &str) -> Error {
    Error::Refused { code, detail: format!("{detail}; see RFC 7644, section 3.5.2") }
}
