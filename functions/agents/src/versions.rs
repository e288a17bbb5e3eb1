//! `GET /v1/agents/{id}/versions`: an agent's published versions, newest first.

use axum::extract::State;
use shared::http::{Json, Path, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Definition;
use crate::queries;
use crate::versioned::Published;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Published<Definition>>>> {
    let window = page.by_sequence()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        queries::by_id(tx, id).await?;
        queries::versions(tx, id, window).await
    });
    Ok(Json(window.page(found.await?, |version| i64::from(version.ordinal))))
}
