//! `GET /v1/sessions`: where the caller is signed in, newest first.

use axum::extract::State;
use axum::http::HeaderMap;
use shared::auth::session::{self, Cookie};
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::SessionEntry;
use crate::queries;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<SessionEntry>>> {
    let window = page.by_id()?;
    let current = current(app, &headers).await?;
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        queries::of_user(tx, caller.user, current, &window).await
    });
    Ok(Json(window.page(found.await?, |session| session.id)))
}

/// The session that the request came with; a caller by token has none.
async fn current(app: App, headers: &HeaderMap) -> Result<Option<Uuid>> {
    let Ok(cookie) = Cookie::of(headers) else { return Ok(None) };
    Ok(session::find(app, &cookie).await?.map(|session| session.id))
}
