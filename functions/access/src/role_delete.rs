//! `DELETE /v1/roles/{id}`: a role that nobody has any more.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::model::Role;
use crate::{queries, rules};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Role>> {
    let deleted = app.db()?.tenant(caller.tenant, async |tx| {
        let role = queries::lock_role(tx, id).await?;
        rules::holds(&caller, &role.permissions)?;
        let members = queries::who_has(tx, &role.slug).await?.len();
        if members > 0 {
            return Err(Error::Conflict(format!(
                "{members} members have this role: give them others first"
            )));
        }
        queries::delete_role(tx, id).await?;
        audit::record(tx, &caller, "role.deleted", id).await?;
        Ok(role)
    });
    Ok(Json(deleted.await?))
}
