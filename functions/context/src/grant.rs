//! `PUT /v1/context/grants`: let an agent, a workflow, a person or a room see what is another's.

use axum::extract::State;
use shared::http::Json;
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::model::{self, Layer};
use crate::share::{Grant, NewGrant};
use crate::{place, queries};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewGrant>,
) -> Result<Json<Grant>> {
    if matches!(new.layer, Layer::Tenant | Layer::Global) {
        return Err(Error::Invalid(format!("every agent sees the layer {}", new.layer.as_str())));
    }
    if let Some(name) = &new.name {
        model::name(name)?;
    }
    let granted = app.db()?.tenant(caller.tenant, async |tx| {
        let place = place::find(tx, &caller, new.layer, new.owner).await?;
        let place = place.changed_by(&caller)?;
        queries::reader_exists(tx, new.reader, new.reader_id).await?;
        let id = Uuid::now_v7();
        audit::record(tx, &caller, "context.granted", id).await?;
        queries::insert_grant(tx, &caller, id, place, &new).await
    });
    Ok(Json(granted.await?))
}
