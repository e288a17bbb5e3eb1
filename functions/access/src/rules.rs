//! Who may hand out what: nobody gives, takes or keeps in motion what they do not hold themselves.

use std::collections::BTreeSet;

use shared::auth::revocation;
use shared::auth::roles::catalogue;
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::Role;

/// Roles that can let others in: of those who have one, the last stays.
pub const ADMINS: [&str; 2] = ["super-admin", "tenant-admin"];

/// Whether the caller holds all of these, which they are about to give or take.
pub fn holds<'a>(caller: &Caller, permissions: impl IntoIterator<Item = &'a String>) -> Result<()> {
    match permissions.into_iter().find(|permission| !caller.may(permission)) {
        Some(missing) => Err(Error::Forbidden(format!(
            "this would reach over `{missing}`, which you do not hold yourself: ask somebody who does"
        ))),
        None => Ok(()),
    }
}

/// Everything that these roles permit; one that nobody knows is refused by its name.
pub fn permitted(roles: &[String], own: &[Role]) -> Result<BTreeSet<String>> {
    let built_in = &catalogue()?.roles;
    let mut all = BTreeSet::new();
    for name in roles {
        let of_product = built_in.get(name).map(|role| &role.permissions);
        let of_tenant = own.iter().find(|role| role.slug == *name).map(|role| &role.permissions);
        let found = of_product.or(of_tenant).ok_or_else(|| {
            Error::Invalid(format!("`{name:.60}` is no role here: see `GET /v1/roles`"))
        })?;
        all.extend(found.iter().cloned());
    }
    Ok(all)
}

pub fn is_admin(roles: &[String]) -> bool {
    roles.iter().any(|role| ADMINS.contains(&role.as_str()))
}

/// Own roles are for others to change: so nobody raises themselves, and nobody locks themselves out.
pub fn not_yourself(caller: &Caller, member: Uuid) -> Result<()> {
    if caller.user == member {
        return Err(Error::Forbidden("your own roles are changed by somebody else".into()));
    }
    Ok(())
}

/// Whether an admin is left beside this one. Their rows are locked before any other, until the
/// commit: of two admins who take each other's role at the same moment, one is refused.
pub fn another_admin(admins: &[Uuid], member: Uuid) -> Result<()> {
    if admins.iter().any(|admin| *admin != member) {
        return Ok(());
    }
    Err(Error::Conflict(
        "this is the last admin on record: give somebody else the role `tenant-admin` first".into(),
    ))
}

/// After a commit: what the gate remembers of these members is no longer true.
pub async fn changed(app: App, tenant: Uuid, members: &[Uuid]) {
    revocation::roles_changed(app, tenant, members).await;
}
