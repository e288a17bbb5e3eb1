//! `GET /scim/v2/ResourceTypes`: users and groups.

use serde_json::{Value, json};
use shared::Result;
use shared::http::Scim;

use crate::model::List;
use crate::schema::Kind;

#[expect(clippy::unused_async, reason = "every handler is, whether it waits or not")]
pub async fn handle() -> Result<Scim<List>> {
    Ok(List::new(vec![of(Kind::User), of(Kind::Group)], 2, 1))
}

pub(crate) fn of(kind: Kind) -> Value {
    let name = kind.name();
    let extensions = kind.extension().map(|urn| json!({ "schema": urn, "required": false }));
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name, "name": name, "endpoint": format!("/{name}s"), "schema": kind.core(),
        "description": if kind == Kind::User { "A person" } else { "People who belong together" },
        "schemaExtensions": extensions.into_iter().collect::<Vec<_>>(),
        "meta": { "resourceType": "ResourceType", "location": format!("/scim/v2/ResourceTypes/{name}") },
    })
}
