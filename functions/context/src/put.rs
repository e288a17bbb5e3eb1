//! `PUT /v1/context`: put an entry under its layer, owner and name; a name that is there gets a new value.

use axum::extract::State;
use shared::http::Json;
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::model::{Entry, NewEntry};
use crate::{check, place, queries};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewEntry>,
) -> Result<Json<Entry>> {
    let put = app.db()?.tenant(caller.tenant, async |tx| {
        new.check(queries::now(tx).await?)?;
        let place = place::find(tx, &caller, new.layer, new.owner).await?.changed_by(&caller)?;
        let before = queries::lock(tx, place, &new.name).await?;
        if let Some(expected) = new.version
            && expected != before.as_ref().map_or(0, |entry| entry.version)
        {
            let changed = "the entry has changed since you read it: read it again, then put it";
            return Err(Error::Conflict(changed.into()));
        }
        let kept = before.as_ref().and_then(|entry| entry.schema.as_ref());
        if let Some(schema) = new.schema.as_ref().or(kept) {
            check::fits(schema, &new.value)?;
        }
        let id = before.as_ref().map_or_else(Uuid::now_v7, |entry| entry.id);
        audit::record(tx, &caller, "context.put", id).await?;
        queries::put(tx, &caller, id, place, &new).await
    });
    Ok(Json(put.await?))
}
