//! `GET /openapi.json`: this API's document, OpenAPI 3.1.

use serde_json::Value;
use shared::http::Json;
use shared::{Error, Result};

/// Written from the code by `make openapi`; a test fails when the two differ.
const DOCUMENT: &str = include_str!("../../../openapi.json");

#[expect(clippy::unused_async, reason = "every handler is, whether it waits or not")]
pub async fn handle() -> Result<Json<Value>> {
    Ok(Json(serde_json::from_str(DOCUMENT).map_err(|e| Error::Internal(e.into()))?))
}
