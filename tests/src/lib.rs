//! What every test needs: the whole product, and people to use it.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests may panic")]

use std::fs::OpenOptions;
use std::io::Write;

pub mod cache;
pub mod crash;
pub mod desk;
pub mod drive;
pub mod dynamo;
pub mod follow;
mod house;
mod people;
pub mod scripted;
mod signer;
pub mod team;
pub mod world;

pub use house::{House, generous, sign_in_variables, wide};
pub use people::{Organization, Person, Reply};
pub use signer::Signer;

/// Every permission there is, as an administrator has them.
pub const EVERYTHING: &[&str] = &[
    "agents:read",
    "agents:write",
    "workflows:read",
    "workflows:write",
    "imports:read",
    "imports:write",
    "runs:read",
    "runs:write",
    "spend:read",
    "spend:write",
    "documents:read",
    "conversations:read",
    "context:read",
    "context:write",
    "context:tenant",
    "members:read",
    "members:write",
    "roles:read",
    "roles:write",
    "keys:read",
    "keys:write",
    "provisioning:read",
    "provisioning:write",
    "account:read",
    "account:write",
];

/// `AUTH_CLIENTS` of a test: every client, for everything.
pub const ANY_CLIENT: &str = r#"{"people":["*"],"machines":["*"],"admin":["*"]}"#;

/// An issuer that a verifier trusts.
pub fn issuer(issuer: &str, audience: &str, jwks_url: &str) -> shared::config::Auth {
    let text = |text: &str| text.to_owned();
    shared::config::Auth {
        issuer: text(issuer),
        audience: text(audience),
        jwks_url: text(jwks_url),
        clients: shared::config::Clients::all(),
        leeway_seconds: 30,
    }
}

/// A line for whoever reads a test run: what was measured. A passing test keeps what it prints, so
/// `make test` collects these in a file and shows them at its end.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
    let Some(file) = std::env::var_os(local::verify::FIGURES) else { return };
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file) {
        // In one piece: other processes write too.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}
