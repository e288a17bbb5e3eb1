//! `POST /v1/workflows/{id}/versions`: publish the draft, once it is proved able to run.

use agents::version::NewVersion;
use axum::extract::State;
use shared::db::Tx;
use shared::http::{Created, Json, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::{Definition, PublishedVersion};
use crate::{graph, queries};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(new): Json<NewVersion>,
) -> Result<Created<PublishedVersion>> {
    if !new.labels.is_empty() {
        return Err(Error::Invalid("workflows have no labels yet: leave `labels` out".into()));
    }
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
    graph::check(&draft)?;
    everybody_is_there(tx, &draft).await?;
    if last.as_ref().is_some_and(|last| last.definition == draft) {
        let nothing = "the draft equals the newest version: there is nothing to publish";
        return Err(Error::Conflict(nothing.into()));
    }
    let version = new.after(last.as_ref().map(|last| &last.version))?;
    let ordinal = last.map_or(1, |last| last.ordinal + 1);
    shared::audit::record(tx, caller, "workflow.published", id).await?;
    queries::publish(tx, caller, id, (&version, ordinal), &draft).await
}

async fn everybody_is_there(tx: &Tx<'_>, draft: &Definition) -> Result<()> {
    let references = draft.references();
    let found = agents::queries::resolve(tx, references.clone()).await?;
    let is_found = |reference: &String| found.iter().any(|f| f.reference == *reference);
    let missing: Vec<_> = references.into_iter().filter(|r| !is_found(r)).collect();
    if !missing.is_empty() {
        return Err(Error::Refused {
            code: "agent-missing",
            detail: format!(
                "no published agent is called {}: create and publish it, or import its module",
                missing.join(", ")
            ),
        });
    }
    let skills = draft.skills();
    let found = queries::skills(tx, skills.clone()).await?;
    let is_found = |skill: &String| found.iter().any(|(slug, _)| slug == skill);
    let missing: Vec<_> = skills.into_iter().filter(|s| !is_found(s)).collect();
    if !missing.is_empty() {
        return Err(Error::Refused {
            code: "skill-missing",
            detail: format!(
                "no workflow is called {}: create it, import its module, or leave `skill` out",
                missing.join(", ")
            ),
        });
    }
    Ok(())
}
