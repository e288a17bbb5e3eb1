//! `GET /scim/v2/ResourceTypes/{name}`: one kind of resource.

use serde_json::Value;
use shared::http::{Path, Scim};
use shared::{Error, Result};

use crate::schema::Kind;
use crate::types;

#[expect(clippy::unused_async, reason = "every handler is, whether it waits or not")]
pub async fn handle(Path(name): Path<String>) -> Result<Scim<Value>> {
    let kind = [Kind::User, Kind::Group].into_iter().find(|kind| kind.name() == name);
    Ok(Scim::ok(types::of(kind.ok_or(Error::NotFound)?)))
}
