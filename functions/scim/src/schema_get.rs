//! `GET /scim/v2/Schemas/{urn}`: the attributes of one schema.

use serde_json::Value;
use shared::http::{Path, Scim};
use shared::{Error, Result};

use crate::schema;

#[expect(clippy::unused_async, reason = "every handler is, whether it waits or not")]
pub async fn handle(Path(urn): Path<String>) -> Result<Scim<Value>> {
    let found = schema::shown()?.iter().find(|schema| schema["id"] == urn.as_str());
    Ok(Scim::ok(found.cloned().ok_or(Error::NotFound)?))
}
