//! `GET /v1/agents/{id}/diff`: where two versions of an agent differ.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::http::{Json, Path, Query};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::{Change, changes};
use crate::queries;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// A published version.
    from: String,
    /// Another; the draft when absent.
    to: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Difference {
    pub changes: Vec<Change>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(between): Query<Between>,
) -> Result<Json<Difference>> {
    let (from, to) = app
        .db()?
        .tenant(caller.tenant, async |tx| {
            let from = queries::one_version(tx, id, &between.from).await?.definition;
            let to = match &between.to {
                Some(to) => queries::one_version(tx, id, to).await?.definition,
                None => queries::by_id(tx, id).await?.draft,
            };
            Ok((from, to))
        })
        .await?;
    let json = |d| serde_json::to_value(d).map_err(|e| Error::Internal(e.into()));
    Ok(Json(Difference { changes: changes(&json(from)?, &json(to)?) }))
}
