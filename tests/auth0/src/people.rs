//! Who is there from the start: three people in two organizations, and the clients.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::Settings;
use crate::world::{Client, World};

/// Everybody's password. The login page says so: it is a demonstration.
pub const PASSWORD: &str = "bicycle";
/// Where a program on the person's own machine is called back at: RFC 8252.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1/callback", "http://127.0.0.1:8976/callback"];
/// Everybody's second factor, today and tomorrow.
pub const OTP: &str = "246810";

pub(crate) fn world(settings: &Settings) -> World {
    let mut world = World {
        users: BTreeMap::new(),
        organizations: BTreeMap::new(),
        roles: BTreeMap::new(),
        clients: clients(settings),
    };
    world.add_role("rol_admin", "tenant admin", Some(|_| true));
    world.add_role("rol_viewer", "viewer", Some(|name| name.ends_with(":read")));
    world.add_organization("org_demo", "demo");
    world.add_organization("org_other", "other");
    for (name, organization, role) in [
        ("ada", "org_demo", "rol_admin"),
        ("bob", "org_other", "rol_admin"),
        ("eve", "org_demo", "rol_viewer"),
    ] {
        let id = format!("auth0|{name}");
        world.add_user(&id, &format!("{name}@example.test"), PASSWORD);
        world.add_member(organization, &id, role);
    }
    world
}

fn clients(settings: &Settings) -> Vec<Client> {
    let client = |id, secret: Option<&String>, callbacks: &[String], grants| Client {
        id,
        secret: secret.cloned(),
        callbacks: callbacks.to_vec(),
        grants,
    };
    let of_people: &[&str] = &["authorization_code", "refresh_token"];
    let of_machines: &[&str] = &["client_credentials"];
    vec![
        // Programs on a person's machine: `local` reads the redirect itself, `cadre` listens.
        client("cli", None, &LOOPBACK.map(str::to_owned), of_people),
        client("web", Some(&settings.client_secret), &settings.callbacks, of_people),
        client("machine", Some(&settings.machine_secret), &[], of_machines),
        client("management", Some(&settings.management_secret), &[], of_machines),
    ]
}

/// Every permission of the tables, as they are now: a route that is added while the stack runs
/// brings its permission along.
pub(crate) fn permissions(settings: &Settings) -> Vec<String> {
    let mut names = settings.permissions.clone();
    let folders = settings.functions.as_ref().and_then(|folder| fs::read_dir(folder).ok());
    for domain in folders.into_iter().flatten().flatten() {
        let table = fs::read(domain.path().join("functions.json")).unwrap_or_default();
        let rows: BTreeMap<String, Value> = serde_json::from_slice(&table).unwrap_or_default();
        let permissions = rows.values().filter_map(|row| row["permission"].as_str());
        // Two words are no permissions: nobody needs to be granted them.
        let granted = permissions.filter(|name| !["public", "signed-in"].contains(name));
        names.extend(granted.map(str::to_owned));
    }
    names.sort();
    names.dedup();
    names
}
