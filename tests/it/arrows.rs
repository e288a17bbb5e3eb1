//! Which crate may use which: Cargo forbids circles, and this the rest.

use std::collections::BTreeMap;

use crate::house::file;
use crate::source::domains;

/// Which crates a crate may use; `tests` may use all.
const ARROWS: &[(&str, &[&str])] = &[
    ("shared", &[]),
    ("access", &["shared"]),
    ("agents", &["shared"]),
    ("context", &["shared"]),
    ("conversations", &["shared", "rooms"]),
    ("documents", &["shared"]),
    ("identity", &["shared"]),
    ("platform", &["shared"]),
    ("rooms", &["shared"]),
    ("spend", &["shared"]),
    ("workflows", &["shared", "agents", "rooms"]),
    ("runs", &["shared", "agents", "context", "rooms", "spend", "workflows"]),
    ("imports", &["shared", "agents", "rooms", "workflows"]),
    ("provisioning", &["shared", "access", "runs"]),
    ("scim", &["shared", "provisioning"]),
    (
        "host",
        &[
            "shared",
            "access",
            "agents",
            "context",
            "conversations",
            "documents",
            "identity",
            "imports",
            "platform",
            "provisioning",
            "runs",
            "scim",
            "spend",
            "workflows",
        ],
    ),
    // It knows the product by openapi.json only.
    ("cli", &[]),
    ("local", &[]),
    ("auth0", &[]),
    (
        "tests",
        &[
            "shared",
            "auth0",
            "agents",
            "context",
            "host",
            "identity",
            "imports",
            "local",
            "platform",
            "provisioning",
            "runs",
            "spend",
            "workflows",
        ],
    ),
];

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut folders: Vec<_> = domains().iter().map(|name| format!("functions/{name}")).collect();
    folders.extend(["shared", "cli", "local", "tests", "tests/auth0"].map(str::to_owned));
    for folder in folders {
        let manifest: toml::Table =
            file(&format!("{folder}/Cargo.toml")).parse().expect("a manifest");
        let name = manifest["package"]["name"].as_str().unwrap();
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} has no line in ARROWS"));
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let uses = manifest.get(kind).and_then(toml::Value::as_table).into_iter().flatten();
            for (used, _) in uses.filter(|(used, _)| allowed.contains_key(used.as_str())) {
                assert!(may.contains(&used.as_str()), "{name} may not use {used}");
            }
        }
    }
}
