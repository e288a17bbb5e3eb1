//! `POST /v1/agents/{id}/versions`: publish the draft as an immutable version.

use axum::extract::State;
use shared::db::Tx;
use shared::http::{Created, Json, Path};
use shared::{App, Caller, Result};
use uuid::Uuid;

use crate::model::Definition;
use crate::queries;
use crate::version::NewVersion;
use crate::versioned::Published;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(new): Json<NewVersion>,
) -> Result<Created<Published<Definition>>> {
    let published =
        app.db()?.tenant(caller.tenant, async |tx| publish(tx, &caller, id, &new).await);
    Ok(Created(published.await?))
}

/// Also what an import does.
pub async fn publish(
    tx: &Tx<'_>,
    caller: &Caller,
    id: Uuid,
    new: &NewVersion,
) -> Result<Published<Definition>> {
    let held = queries::KEPT.hold(tx, id).await?;
    let published = queries::KEPT.publish(tx, caller, held, new).await?;
    for label in &new.labels {
        crate::label::check(label)?;
        queries::move_label(tx, id, label, &published.version.to_string()).await?;
    }
    Ok(published)
}
