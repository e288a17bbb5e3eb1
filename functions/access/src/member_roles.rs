//! `PUT /v1/members/{id}/roles`: say which roles a member has, from now on.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::model::{GivenRoles, Member};
use crate::{queries, rules};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(given): Json<GivenRoles>,
) -> Result<Json<Member>> {
    given.check()?;
    let changed = app.db()?.tenant(caller.tenant, async |tx| {
        let admins = queries::lock_admins(tx).await?;
        let before = queries::lock_member(tx, id).await?;
        rules::not_yourself(&caller, id)?;
        // Locked against their end, so that nobody is given a role that is just being deleted.
        let own = queries::lock_roles(tx, &[&before.roles[..], &given.roles[..]].concat()).await?;
        rules::holds(&caller, &rules::permitted(&before.roles, &own)?)?;
        rules::holds(&caller, &rules::permitted(&given.roles, &own)?)?;
        if rules::is_admin(&before.roles) && !rules::is_admin(&given.roles) {
            rules::another_admin(&admins, id)?;
        }
        queries::set_member(tx, id, "active", &given.roles).await?;
        audit::record(tx, &caller, "member.roles-changed", id).await?;
        queries::member(tx, id).await
    });
    let member = changed.await?;
    rules::changed(app, caller.tenant, &[id]).await;
    Ok(Json(member))
}
