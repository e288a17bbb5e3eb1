//! The local Auth0: signs people and machines in. See `tests/auth0`.

use std::{path::Path, process::Command, time::Duration};

use serde_json::json;

use super::answers;
use crate::{openid, paths::Paths, process::Ask, service::Service};

/// Of the clients it knows.
pub struct Secrets {
    /// The backend that signs people in.
    pub client: String,
    /// A machine that calls the API.
    pub machine: String,
    /// What keeps Auth0 and our record together.
    pub management: String,
}

/// `public`: where people reach Cadre.
pub fn service(
    paths: &Paths,
    program: &Path,
    port: u16,
    secrets: &Secrets,
    public: &str,
) -> Service {
    let settings = json!({
        "port": port,
        "functions": paths.root.join("functions"),
        "keys": paths.stack.join("auth0-keys.json"),
        "audience": openid::AUDIENCE,
        "client_secret": secrets.client,
        "machine_secret": secrets.machine,
        "management_secret": secrets.management,
        "callbacks": [format!("{public}/auth/callback")],
        "returns": [format!("{public}/account")],
    });
    let mut command = Command::new(program);
    // Not as an argument: every user of a machine sees those.
    command.env("AUTH0_SETTINGS", settings.to_string());
    let issuer = openid::issuer(port);
    Service {
        name: "openid",
        what: "the local Auth0",
        ready: answers(format!("{issuer}.well-known/openid-configuration")),
        address: issuer,
        command,
        ask: Ask::Terminate,
        patience: Duration::from_secs(30),
    }
}
