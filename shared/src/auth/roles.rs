//! What the product's own roles permit, and what a tenant leaves of a member's permissions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Error, Result};

/// Every permission with what it is for, and every role that a tenant finds ready.
#[derive(Debug, Deserialize)]
pub struct Catalogue {
    pub permissions: BTreeMap<String, String>,
    pub roles: BTreeMap<String, BuiltIn>,
}

#[derive(Debug, Deserialize)]
pub struct BuiltIn {
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
}

// Read when somebody's roles are, not at every start.
static CATALOGUE: LazyLock<anyhow::Result<Catalogue>> = LazyLock::new(|| {
    // The file is the domain's; its meaning is needed wherever a request is let in.
    Ok(serde_json::from_str(include_str!("../../../functions/access/roles.json"))?)
});

pub fn catalogue() -> Result<&'static Catalogue> {
    CATALOGUE.as_ref().map_err(|error| Error::Internal(anyhow::anyhow!("roles.json: {error}")))
}

/// Whether a ceiling leaves this permission. What has a colon in it is a permission, the rest are
/// roles of the product: kept by name, so that a new release is in force at once.
pub fn leaves(ceiling: &[String], permission: &str) -> bool {
    ceiling.iter().any(|entry| {
        if entry.contains(':') {
            return entry == permission;
        }
        let role = catalogue().ok().and_then(|catalogue| catalogue.roles.get(entry));
        role.is_some_and(|role| role.permissions.iter().any(|permitted| permitted == permission))
    })
}

#[cfg(test)]
mod tests {
    use super::{catalogue, leaves};

    #[test]
    fn a_ceiling_leaves_what_its_roles_and_its_permissions_say() {
        let of = |entries: &[&str]| entries.iter().map(|&e| e.to_owned()).collect::<Vec<_>>();
        let ceiling = of(&["viewer", "keys:read"]);
        for (permission, left) in [("runs:read", true), ("keys:read", true), ("runs:write", false)]
        {
            assert_eq!(leaves(&ceiling, permission), left, "{permission}");
        }
        assert!(!leaves(&[], "runs:read"), "somebody who is shut out");
        assert!(!leaves(&of(&["gone"]), "runs:read"), "a role that is no more");
        assert!(!leaves(&ceiling, "viewer"));
    }

    #[test]
    fn every_role_permits_known_things_once_and_admins_permit_all() {
        let catalogue = catalogue().unwrap();
        for (slug, role) in &catalogue.roles {
            let mut sorted = role.permissions.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), role.permissions.len(), "{slug} says one thing twice");
            for permission in &role.permissions {
                assert!(catalogue.permissions.contains_key(permission), "{slug}: {permission}");
            }
        }
        let all: Vec<_> = catalogue.permissions.keys().cloned().collect();
        for admin in ["super-admin", "tenant-admin"] {
            let mut permissions = catalogue.roles[admin].permissions.clone();
            permissions.sort();
            assert_eq!(permissions, all, "{admin}");
        }
        assert_eq!(catalogue.roles.len(), 5);
    }
}
