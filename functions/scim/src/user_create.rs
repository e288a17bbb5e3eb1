//! `POST /scim/v2/Users`: put a person into the directory.

use axum::extract::State;
use serde_json::{Map, Value};
use shared::http::{ScimBody, ScimCreated};
use shared::{App, Caller, Result};

use crate::crud;
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    ScimBody(given): ScimBody<Map<String, Value>>,
) -> Result<ScimCreated<Value>> {
    crud::create(app, caller, Kind::User, given).await
}
