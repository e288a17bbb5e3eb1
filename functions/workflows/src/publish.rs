//! `POST /v1/workflows/{id}/versions`: publish the draft, once it is proved able to run.

use agents::version::NewVersion;
use agents::versioned::Published;
use axum::extract::State;
use shared::db::Tx;
use shared::http::{Created, Json, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::Definition;
use crate::{graph, queries};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(new): Json<NewVersion>,
) -> Result<Created<Published<Definition>>> {
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
) -> Result<Published<Definition>> {
    let held = queries::KEPT.hold(tx, id).await?;
    graph::check(&held.draft)?;
    everybody_is_there(tx, &held.draft).await?;
    queries::KEPT.publish(tx, caller, held, new).await
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
