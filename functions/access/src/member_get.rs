//! `GET /v1/members/{id}`: one member with their roles.

use axum::extract::State;
use shared::http::{Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Member;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Member>> {
    let member = app.db()?.tenant(caller.tenant, async |tx| queries::member(tx, id).await);
    Ok(Json(member.await?))
}
