//! `DELETE /v1/context/{id}`: end an entry; its text is gone, and its name is free again.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::model::Entry;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Entry>> {
    let ended = app.db()?.tenant(caller.tenant, async |tx| {
        let (place, entry) = queries::by_id(tx, id).await?;
        place.changed_by(&caller)?;
        audit::record(tx, &caller, "context.deleted", id).await?;
        queries::delete(tx, id).await?;
        Ok(entry)
    });
    Ok(Json(ended.await?))
}
