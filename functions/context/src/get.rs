//! `GET /v1/context/{id}`: one entry.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Entry;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Entry>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        let (place, entry) = queries::by_id(tx, id).await?;
        place.seen_by(&caller)?;
        Ok(entry)
    });
    Ok(Json(found.await?))
}
