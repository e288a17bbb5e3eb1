//! `POST /v1/roles`: make a role of the organization's own.

use axum::extract::State;
use shared::http::{Created, Json};
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use crate::model::{NewRole, Role};
use crate::{queries, rules};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewRole>,
) -> Result<Created<Role>> {
    new.check()?;
    rules::holds(&caller, &new.permissions)?;
    let id = Uuid::now_v7();
    let made = app.db()?.tenant(caller.tenant, async |tx| {
        audit::record(tx, &caller, "role.created", id).await?;
        queries::insert_role(tx, id, &new).await?;
        queries::role(tx, id).await
    });
    Ok(Created(made.await?))
}
