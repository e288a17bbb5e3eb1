//! What there is: the tables, the host, the API document and Terraform name the same routes, and
//! nothing else answers.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;
use serde_json::Value;
use shared::table::Trigger;
use tests::House;

use crate::source::domains;
use crate::world::{root, routes};

fn documented() -> BTreeSet<String> {
    let document: Value =
        serde_json::from_str(&fs::read_to_string(root().join("openapi.json")).unwrap()).unwrap();
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    found
}

/// The files that Terraform, the emulator and `make functions` read, with everything in them.
fn on_disk() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut functions, mut routes) = (BTreeSet::new(), BTreeSet::new());
    for domain in domains() {
        let file = root().join("functions").join(domain).join("functions.json");
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let table: Value = serde_json::from_str(&text).unwrap();
        for (name, row) in table.as_object().unwrap() {
            assert!(functions.insert(name.clone()), "{name} is in two tables");
            routes.extend(row["route"].as_str().map(str::to_owned));
        }
    }
    (functions, routes)
}

#[tokio::test]
async fn p9_the_tables_the_host_the_document_and_terraform_name_the_same_routes() -> Result<()> {
    let (functions, on_disk) = on_disk();
    let table: BTreeSet<_> = routes()
        .into_iter()
        .map(|(_, row)| match row.trigger {
            Trigger::Route { method, path } => format!("{method} {path}"),
            other => panic!("{other:?} is no route"),
        })
        .collect();
    assert_eq!(table, on_disk, "a table that the host does not read, or the reverse");
    assert_eq!(table, documented());
    let house = House::open()?;
    let mounted: BTreeSet<_> = host::functions(house.app)?.by_name.into_keys().collect();
    assert_eq!(mounted, functions);
    // Terraform makes a route for each row of the same files, and no other.
    let terraform = fs::read_to_string(root().join("infra/functions.tf"))?;
    assert!(terraform.contains("fileset(") && terraform.contains("functions.json"), "{terraform}");
    let api = fs::read_to_string(root().join("infra/api.tf"))?;
    let resources = api.matches("resource \"aws_apigatewayv2_route\"").count();
    assert_eq!(resources, 1, "one block for all routes");
    assert!(api.contains("for_each = local.gateway_routes"));
    tests::tell(&format!(
        "P9: {} routes and {} functions, in five places",
        table.len(),
        mounted.len()
    ));
    Ok(())
}

#[test]
fn p9_there_is_one_stage_and_nothing_to_debug_with() {
    let api = fs::read_to_string(root().join("infra/api.tf")).unwrap();
    assert_eq!(api.matches("resource \"aws_apigatewayv2_stage\"").count(), 1);
    for (name, row) in routes() {
        let Trigger::Route { path, .. } = row.trigger else { unreachable!() };
        for word in ["debug", "test", "internal", "actuator", "metrics", "admin-console"] {
            assert!(!path.contains(word), "{name}: {path}");
        }
        let versioned = path.starts_with("/v1/") || path.starts_with("/scim/v2/");
        let page = ["/openapi.json", "/account", "/auth/"].iter().any(|p| path.starts_with(p));
        assert!(versioned || page, "{name}: {path} is of no version");
    }
}

/// What frameworks and neighbours serve by habit.
#[tokio::test]
async fn p9_no_path_answers_that_is_in_no_table() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for path in [
        "/.env",
        "/.git/config",
        "/actuator",
        "/admin",
        "/api",
        "/debug/pprof",
        "/docs",
        "/favicon.ico",
        "/graphql",
        "/health",
        "/metrics",
        "/robots.txt",
        "/server-status",
        "/swagger.json",
        "/v1/debug",
        "/v1/internal",
        "/v0/agents",
        "/v2/agents",
        "/2015-03-31/functions",
        "/2018-06-01/runtime/invocation/next",
    ] {
        assert_eq!(ada.get(path).await?.problem(404), "not-found", "{path}");
    }
    Ok(())
}

/// The host that others can reach has no Invoke API: nothing stands before that one.
#[tokio::test]
async fn p9_a_host_that_others_can_reach_invokes_no_function_by_name() -> Result<()> {
    let house = House::open()?;
    let router = host::api(house.app)?;
    let open = House { router, ..house };
    let path = "/2015-03-31/functions/platform-health/invocations";
    let reply = open.stranger().send("POST", path, &[], "{}").await?;
    assert_eq!(reply.problem(404), "not-found");
    Ok(())
}
