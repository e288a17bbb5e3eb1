//! `POST /v1/keys`: make an API key; its secret is in this answer and nowhere else.

use axum::extract::State;
use shared::auth::key;
use shared::http::{Created, Json};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::model::{FreshKey, NewKey};
use crate::{queries, rules};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewKey>,
) -> Result<Created<FreshKey>> {
    let days = new.check()?;
    rules::holds(&caller, &new.permissions)?;
    let (id, fresh) = (Uuid::now_v7(), key::make(caller.tenant)?);
    let made = app.db()?.tenant(caller.tenant, async |tx| {
        audit::record(tx, &caller, "key.created", id).await?;
        queries::insert_key(tx, id, &caller, &new, days, &fresh).await?;
        queries::key(tx, id).await
    });
    Ok(Created(FreshKey { key: made.await?, secret: fresh.key.expose().clone() }))
}
