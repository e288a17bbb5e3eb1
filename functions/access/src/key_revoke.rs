//! `DELETE /v1/keys/{id}`: revoke an API key; it is refused from the next request on.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::model::ApiKey;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ApiKey>> {
    let revoked = app.db()?.tenant(caller.tenant, async |tx| {
        // Revoking is never refused for what the key may do: whoever finds a leak must be able to.
        if queries::revoke_key(tx, id).await? {
            audit::record(tx, &caller, "key.revoked", id).await?;
        }
        queries::key(tx, id).await
    });
    Ok(Json(revoked.await?))
}
