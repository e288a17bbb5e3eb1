//! `DELETE /v1/context/grants/{id}`: take a grant back; the next turn no longer sees what it gave.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::place::Place;
use crate::queries;
use crate::share::Grant;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Grant>> {
    let revoked = app.db()?.tenant(caller.tenant, async |tx| {
        let grant = queries::lock_grant(tx, id).await?;
        Place { layer: grant.layer, owner: grant.owner }.changed_by(&caller)?;
        audit::record(tx, &caller, "context.revoked", id).await?;
        queries::revoke(tx, id).await?;
        Ok(grant)
    });
    Ok(Json(revoked.await?))
}
