//! The API's document: written from the code, committed, complete, and true.
//! `make openapi` writes it anew: this test with `UPDATE=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Result;
use serde_json::{Value, json};
use shared::table::Trigger;
use tests::House;

use crate::schema::{misfits, resolve};
use crate::world::{ENDS_ALL, World, root, routes, text};

/// The first line of each handler's file, after its trigger.
fn summaries() -> BTreeMap<String, String> {
    let summary = |name: &str| {
        let (domain, module) = name.split_once('-').unwrap();
        let path = root().join(format!("functions/{domain}/src/{}.rs", module.replace('-', "_")));
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap_or_default();
        let summary = line.split_once("`: ").map(|(_, summary)| summary);
        let summary = summary.unwrap_or_else(|| panic!("{}: {line}", path.display()));
        let mut letters = summary.chars();
        let first = letters.next().unwrap().to_uppercase();
        first.chain(letters).collect::<String>().trim_end_matches('.').to_owned()
    };
    routes().into_iter().map(|(name, _)| (name.clone(), summary(&name))).collect()
}

fn document() -> Value {
    host::openapi::document(&summaries()).unwrap()
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    found
}

#[test]
fn the_committed_document_is_what_the_code_says() {
    let path = root().join("openapi.json");
    let written = serde_json::to_string_pretty(&sorted(document())).unwrap() + "\n";
    if std::env::var("UPDATE").is_ok() {
        fs::write(&path, &written).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == written, "openapi.json is not what the code says: `make openapi`");
}

/// With its keys in order, whatever feature the JSON library was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let inner: BTreeMap<_, _> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(inner.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[tokio::test]
async fn the_document_is_served_as_it_was_committed() -> Result<()> {
    let house = House::open()?;
    let served = house.stranger().get("/openapi.json").await?.expect(200);
    let committed = fs::read_to_string(root().join("openapi.json"))?;
    // Not assert_eq: nobody reads two whole documents.
    assert!(
        served == serde_json::from_str::<Value>(&committed)?,
        "build again after `make openapi`"
    );
    Ok(())
}

#[test]
fn every_route_is_an_operation_of_its_functions_name_and_nothing_else_is() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let route = format!("{} {path}", method.to_uppercase());
        let fresh = documented.insert((text(&operation["operationId"]), route.clone()));
        assert!(fresh, "{route} is there twice");
        assert!(!text(&operation["summary"]).is_empty(), "{route}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{route}");
    }
    let expected: BTreeSet<_> = routes()
        .into_iter()
        .map(|(name, row)| {
            let Trigger::Route { method, path } = row.trigger else { unreachable!() };
            (name, format!("{method} {path}"))
        })
        .collect();
    assert_eq!(documented, expected);
    let ids: BTreeSet<_> = documented.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), documented.len(), "an operationId is there twice");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = 0;
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(map) => {
                if let Some(reference @ Value::String(_)) = map.get("$ref") {
                    resolve(&document, reference);
                    references += 1;
                }
                waiting.extend(map.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(references > 50, "only {references} references");
}

#[test]
fn every_schema_has_a_name_of_its_own() {
    for name in document()["components"]["schemas"].as_object().unwrap().keys() {
        let numbered = name.ends_with(|last: char| last.is_ascii_digit());
        assert!(!numbered, "two types are called `{name}`: give one `#[schemars(rename = …)]`");
    }
}

#[test]
fn every_parameter_of_a_path_is_declared_and_no_other() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let in_path: Vec<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let mut seen = BTreeSet::new();
        for parameter in &parameters {
            let place = (text(&parameter["in"]), text(&parameter["name"]));
            assert!(parameter["schema"].is_object(), "{method} {path}: {parameter}");
            assert!(seen.insert(place.clone()), "{method} {path}: {place:?} is there twice");
        }
        let of_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let declared: Vec<_> = of_path
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{method} {path}");
                parameter["name"].as_str().unwrap()
            })
            .collect();
        assert_eq!(declared, in_path, "{method} {path}");
    }
}

#[test]
fn every_operation_says_what_it_gives_and_how_it_refuses() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        // A browser on its way in or out is led on.
        let is_good = |status: &str| status.starts_with('2') || status == "303";
        let good: Vec<_> = responses.keys().filter(|status| is_good(status)).collect();
        assert_eq!(good.len(), 1, "{place}: {good:?}");
        let scim = path.starts_with("/scim/");
        let form = if scim { "ScimError" } else { "Problem" };
        let problem = format!("#/components/responses/{form}");
        for (status, response) in responses.iter().filter(|(s, _)| !is_good(s)) {
            assert_eq!(response["$ref"], problem, "{place} {status}");
        }
        for status in ["500", "503"] {
            assert!(responses.contains_key(status), "{place} can answer {status}");
        }
        // Without a permission: open, or proved by the session itself and by nothing else.
        let open = operation.get("x-permission").is_none();
        let secured = [json!([]), json!([{ "session": [] }])].contains(&operation["security"]);
        assert_eq!(open, secured, "{place}");
        // The way in asks nobody who they are, and refuses all the same.
        let refuses = responses.contains_key("401") || path.starts_with("/auth/");
        assert!(open != refuses || path.starts_with("/auth/"), "{place}");
        assert_eq!(responses.contains_key("404"), path.contains('{'), "{place}");
    }
}

/// The JSON of it, under whichever of its names.
fn content(of: &Value) -> &Value {
    let all = &of["content"];
    if all["application/json"].is_null() {
        &all["application/scim+json"]
    } else {
        &all["application/json"]
    }
}

#[test]
fn every_sample_body_fits_the_schema_of_its_route() {
    let document = document();
    let world = World::empty();
    let mut bodies = 0;
    for (_, _, operation) in operations(&document) {
        let name = text(&operation["operationId"]);
        let call = world.call(&name);
        let Some(body) = operation.get("requestBody") else {
            assert_eq!(call.body, "", "{name} takes no body");
            continue;
        };
        let schema = &content(body)["schema"];
        let body: Value = serde_json::from_str(&call.body).unwrap();
        assert_eq!(misfits(&document, schema, &body), [""; 0], "{name}");
        bodies += 1;
    }
    assert!(bodies >= 9, "only {bodies} bodies");
}

/// The document tells the truth: what a route gives has every field it promises and no other.
#[tokio::test]
async fn every_answer_fits_the_schema_of_its_route() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let world = World::build(&house, &org).await?;
    let document = document();
    let ada = org.admin();
    let leaver = org.member("leaver", tests::EVERYTHING);
    for (_, _, operation) in operations(&document) {
        let name = text(&operation["operationId"]);
        // It takes back every token of whoever calls it.
        let person = if name == ENDS_ALL { &leaver } else { &ada };
        let reply = world.call(&name).by(person).await?;
        let status = reply.status.as_u16().to_string();
        let response = &operation["responses"][&status];
        assert!(response.is_object(), "{name} answered {status}: {}", reply.body);
        if status == "204" {
            assert!(response["content"].is_null(), "{name}");
            continue;
        }
        let schema = &content(response)["schema"];
        // Pages, and what leads on, have none.
        if schema.is_object() {
            assert_eq!(misfits(&document, schema, &reply.body), [""; 0], "{name}");
        }
        if reply.body["items"].is_array() {
            assert_ne!(reply.body["items"], serde_json::json!([]), "{name} shows nothing");
        }
    }
    let problem = house.stranger().get("/v1/agents").await?;
    let schema = &document["components"]["schemas"]["Problem"];
    assert_eq!(misfits(&document, schema, &problem.body), [""; 0]);
    Ok(())
}
