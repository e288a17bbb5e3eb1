//! The OpenID provider: plays Auth0. See `local/openid/provider.mjs`.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;

use super::answers;
use crate::{openid, paths::Paths, process::Ask, service::Service, settings::program};

pub fn service(paths: &Paths, port: u16, machine_secret: &str) -> Result<Service> {
    let settings = json!({
        "port": port,
        "modules": paths.tools.join("node/node_modules"),
        "functions": paths.root.join("functions"),
        "keys": paths.stack.join("openid-keys.json"),
        "machine_secret": machine_secret,
    });
    let mut command = Command::new(program("node").context("no node")?);
    // Not as an argument: every user of a machine sees those.
    command
        .arg(paths.root.join("local/openid/provider.mjs"))
        .env("PROVIDER_SETTINGS", settings.to_string());
    let issuer = openid::issuer(port);
    Ok(Service {
        name: "openid",
        what: "OpenID provider",
        ready: answers(format!("{issuer}.well-known/openid-configuration")),
        address: issuer,
        command,
        ask: Ask::Terminate,
        patience: Duration::from_secs(30),
    })
}
