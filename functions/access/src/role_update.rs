//! `PUT /v1/roles/{id}`: change what a role permits; for everybody who has it, from now on.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::model::{ChangedRole, Role};
use crate::{queries, rules};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(change): Json<ChangedRole>,
) -> Result<Json<Role>> {
    change.check()?;
    let changed = app.db()?.tenant(caller.tenant, async |tx| {
        let before = queries::lock_role(tx, id).await?;
        rules::holds(&caller, before.permissions.iter().chain(&change.permissions))?;
        if before.revision != change.revision {
            let now = before.revision;
            return Err(Error::Conflict(format!(
                "somebody changed the role meanwhile: read it again, it is at revision {now}"
            )));
        }
        queries::update_role(tx, id, &change).await?;
        audit::record(tx, &caller, "role.changed", id).await?;
        Ok((queries::role(tx, id).await?, queries::who_has(tx, &before.slug).await?))
    });
    let (role, members) = changed.await?;
    crate::rules::changed(app, caller.tenant, &members).await;
    Ok(Json(role))
}
