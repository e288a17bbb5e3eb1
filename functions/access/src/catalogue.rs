//! `GET /v1/permissions`: what can be permitted, and the roles that the product brings.

use shared::Result;
use shared::auth::roles;
use shared::http::Json;

use crate::model::{Catalogue, ProductRole};

#[expect(clippy::unused_async, reason = "a handler is async")]
pub async fn handle() -> Result<Json<Catalogue>> {
    let known = roles::catalogue()?;
    let roles = known.roles.iter().map(|(slug, role)| {
        let role = ProductRole {
            name: role.name.clone(),
            description: role.description.clone(),
            permissions: role.permissions.clone(),
        };
        (slug.clone(), role)
    });
    Ok(Json(Catalogue { permissions: known.permissions.clone(), roles: roles.collect() }))
}
