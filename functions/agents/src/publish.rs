//! `POST /v1/agents/{id}/versions`: publish the draft as an immutable version.

use axum::extract::State;
use shared::db::Tx;
use shared::http::{Created, Json, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::PublishedVersion;
use crate::queries;
use crate::version::NewVersion;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(new): Json<NewVersion>,
) -> Result<Created<PublishedVersion>> {
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
) -> Result<PublishedVersion> {
    let last = queries::last_version(tx, id).await?;
    let draft = queries::by_id(tx, id).await?.draft;
    if last.as_ref().is_some_and(|last| last.definition == draft) {
        let nothing = "the draft equals the newest version: there is nothing to publish";
        return Err(Error::Conflict(nothing.into()));
    }
    let version = new.after(last.as_ref().map(|last| &last.version))?;
    let ordinal = last.map_or(1, |last| last.ordinal + 1);
    shared::audit::record(tx, caller, "agent.published", id).await?;
    let published = queries::publish(tx, caller, id, (&version, ordinal), &draft).await?;
    for label in &new.labels {
        crate::label::check(label)?;
        queries::move_label(tx, id, label, &version.to_string()).await?;
    }
    Ok(published)
}
