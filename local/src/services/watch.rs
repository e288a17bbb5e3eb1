//! `cargo lambda watch`: each function a process of its own, compiled anew when its sources change.
//!
//! It plays the HTTP API by a router that we generate from the tables, and Lambda's Invoke API.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpStream,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    emulator::{Function, Source},
    paths::Paths,
    process::Ask,
    service::Service,
};

/// Of one function, side by side: the steps of a run that go on at the same time.
const INSTANCES: &str = "2";
/// Seconds; longer than any function may take, and it must compile first.
const PATIENCE: &str = "600";
/// What the functions are made of.
const SOURCES: [&str; 3] = ["functions", "shared", "migrations"];

pub fn service(
    paths: &Paths,
    tools: &Path,
    source: &Source,
    address: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Service> {
    let home = home(paths)?;
    let settings = home.join("CargoLambda.toml");
    fs::write(&settings, router(&source.functions)?)?;
    let (host, port) = address.split_once(':').context("an address has a port")?;
    let mut command = Command::new(tools.join("cargo-lambda"));
    command
        .args(["lambda", "watch", "--invoke-address", host, "--invoke-port", port])
        .args(["--concurrency", INSTANCES, "--timeout", PATIENCE, "--disable-cors"])
        .args(["--color", "never", "--locked", "--manifest-path"])
        .arg(paths.root.join("Cargo.toml"))
        .arg("--global")
        .arg(settings)
        .envs(environment)
        // A Lambda serves one event at a time.
        .env("DATABASE_POOL", "1")
        .current_dir(&home);
    let connect = address.to_owned();
    Ok(Service {
        name: "watch",
        what: "Cadre: cargo lambda watch",
        address: format!("http://{address}"),
        command,
        ask: Ask::Terminate,
        patience: Duration::from_mins(2),
        ready: Box::new(move || TcpStream::connect(&connect).map(drop).map_err(Into::into)),
    })
}

/// A folder that leads to the sources and to nothing else. Every function watches all of the
/// folder it is started in; in the checkout those would be the files of the databases too.
fn home(paths: &Paths) -> Result<PathBuf> {
    let home = paths.stack.join("watch");
    fs::create_dir_all(&home)?;
    for place in SOURCES {
        let link = home.join(place);
        if !link.exists() {
            // One that leads nowhere is of a checkout that has moved.
            let _ = fs::remove_file(&link);
            symlink(paths.root.join(place), &link)?;
        }
    }
    Ok(home)
}

/// The routes of all tables, as cargo-lambda's settings.
fn router(functions: &BTreeMap<String, Function>) -> Result<String> {
    let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, function) in functions {
        let Some(route) = &function.route else { continue };
        let (method, path) =
            route.split_once(' ').with_context(|| format!("{name}: a route is METHOD /path"))?;
        let (method, name) = (quoted(method), quoted(name));
        let line = format!("{{ method = {method}, function = {name} }}");
        paths.entry(path).or_default().push(line);
    }
    let lines =
        paths.iter().map(|(path, all)| format!("{} = [{}]\n", quoted(path), all.join(", ")));
    Ok(format!("[watch.router]\n{}", lines.collect::<String>()))
}

/// A string of JSON is one of TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(rows: &[(&str, Option<&str>)]) -> BTreeMap<String, Function> {
        let row = |route: Option<&str>| Function { timeout: 10, route: route.map(Into::into) };
        rows.iter().map(|(name, route)| ((*name).to_owned(), row(*route))).collect()
    }

    #[test]
    fn every_route_leads_to_its_function_by_method() {
        let router = router(&functions(&[
            ("things-get", Some("GET /v1/things/{id}")),
            ("things-list", Some("GET /v1/things")),
            ("things-make", Some("POST /v1/things")),
            ("things-tidy", None),
        ]));
        assert_eq!(
            router.unwrap(),
            "[watch.router]\n\
             \"/v1/things\" = [{ method = \"GET\", function = \"things-list\" }, \
             { method = \"POST\", function = \"things-make\" }]\n\
             \"/v1/things/{id}\" = [{ method = \"GET\", function = \"things-get\" }]\n"
        );
    }

    #[test]
    fn a_route_without_a_path_is_named() {
        let error = router(&functions(&[("things-get", Some("GET"))])).unwrap_err();
        assert!(error.to_string().contains("things-get"), "{error}");
    }
}
