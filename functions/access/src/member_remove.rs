//! `DELETE /v1/members/{id}`: shut a member out: roles, keys and sessions end now.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::model::Member;
use crate::{queries, rules, shut_out};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Member>> {
    let removed = app.db()?.tenant(caller.tenant, async |tx| {
        let admins = queries::lock_admins(tx).await?;
        let before = queries::lock_member(tx, id).await?;
        rules::not_yourself(&caller, id)?;
        let own = queries::lock_roles(tx, &before.roles).await?;
        rules::holds(&caller, &rules::permitted(&before.roles, &own)?)?;
        if rules::is_admin(&before.roles) {
            rules::another_admin(&admins, id)?;
        }
        let mark = shut_out::on_record(tx, id, &before.sub, "removed").await?;
        audit::record(tx, &caller, "member.removed", id).await?;
        Ok((queries::member(tx, id).await?, mark))
    });
    let (member, mark) = removed.await?;
    shut_out::at_once(app, caller.tenant, id, &[mark]).await;
    Ok(Json(member))
}
