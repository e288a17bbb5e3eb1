//! An import goes into the record: additive, versioned, and never over what a user changed.

use agents::version::{Bump, NewVersion, Slug};
use serde_json::Value;
use shared::db::Tx;
use shared::{Caller, Error, Result};
use uuid::Uuid;
use workflows::model::Definition as Workflow;

use crate::bundle::Bundle;
use crate::model::Import;
use crate::record::{Draft, Merged, Outcome, Stored};
use crate::{convert, queries, three_way};

pub async fn store(
    tx: &Tx<'_>,
    caller: &Caller,
    (id, digest): (Uuid, &str),
    import: Import,
    bundle: &Bundle,
) -> Result<()> {
    let mut outcome = Outcome {
        report: import.report,
        agents: Stored::default(),
        members: Stored::default(),
        workflows: Stored::default(),
        published_workflows: Vec::new(),
        draft_workflows: Vec::new(),
        rooms: import.rooms.len(),
        aliases: import.aliases.len(),
        attachments: import.attachments.len(),
        catalog: import.catalog,
        edges: import.edges,
        plan: import.plan,
        tables: import.tables,
        questions: import.questions,
    };
    for agent in &import.agents {
        put_agent(tx, caller, &agent.slug, &convert::agent(agent), &mut outcome.agents).await?;
    }
    // A member that stands in for an agent of the same name is that agent.
    for member in import.members.iter().filter(|member| member.overrides.is_none()) {
        let agent = convert::member(member);
        put_agent(tx, caller, &member.code, &agent, &mut outcome.members).await?;
    }
    let mut all = Vec::with_capacity(import.workflows.len());
    for workflow in &import.workflows {
        let definition = convert::workflow(workflow);
        let id =
            put_workflow(tx, caller, &workflow.slug, &definition, &mut outcome.workflows).await?;
        all.push((id, workflow.slug.clone(), definition));
    }
    for alias in &import.aliases {
        workflows::queries::alias(tx, &alias.from, &alias.to).await?;
    }
    // Publishing comes last: a workflow may name any agent and any other workflow of the bundle.
    for (id, slug, definition) in all {
        match publish(tx, caller, id, &definition).await? {
            None => outcome.published_workflows.push(slug),
            Some(why) => outcome.draft_workflows.push(Draft { workflow: slug, why }),
        }
    }
    for room in &import.rooms {
        let definition = serde_json::to_value(room).map_err(|e| Error::Internal(e.into()))?;
        queries::room(tx, &room.slug, &definition).await?;
    }
    shared::audit::record(tx, caller, "import.stored", id).await?;
    queries::insert(tx, id, digest, &import.source, &outcome).await?;
    for file in &import.attachments {
        queries::attach(tx, id, file, bundle.get(&file.path).unwrap_or_default()).await?;
    }
    Ok(())
}

async fn put_agent(
    tx: &Tx<'_>,
    caller: &Caller,
    slug: &str,
    definition: &agents::model::Definition,
    stored: &mut Stored,
) -> Result<()> {
    definition.check()?;
    let theirs = json(definition)?;
    let Some((id, ours, base)) = agents::queries::imported(tx, slug).await? else {
        let id = Uuid::now_v7();
        shared::audit::record(tx, caller, "agent.imported", id).await?;
        agents::queries::insert(tx, id, &Slug::try_from(slug.to_owned())?, definition).await?;
        agents::queries::import(tx, id, &theirs, &theirs).await?;
        agents::publish::publish(tx, caller, id, &NewVersion::default()).await?;
        stored.created.push(slug.to_owned());
        return Ok(());
    };
    let Some(draft) = merged(slug, base.as_ref(), &ours, &theirs, stored) else { return Ok(()) };
    shared::audit::record(tx, caller, "agent.imported", id).await?;
    agents::queries::import(tx, id, &draft, &theirs).await?;
    let minor = NewVersion { bump: Some(Bump::Minor), ..NewVersion::default() };
    match agents::publish::publish(tx, caller, id, &minor).await {
        // The merge left the published version as it is.
        Err(Error::Conflict(_)) => Ok(()),
        other => other.map(drop),
    }
}

async fn put_workflow(
    tx: &Tx<'_>,
    caller: &Caller,
    slug: &str,
    definition: &Workflow,
    stored: &mut Stored,
) -> Result<Uuid> {
    definition.check()?;
    let theirs = json(definition)?;
    let Some((id, ours, base)) = workflows::queries::imported(tx, slug).await? else {
        let id = Uuid::now_v7();
        shared::audit::record(tx, caller, "workflow.imported", id).await?;
        workflows::queries::insert(tx, id, &Slug::try_from(slug.to_owned())?, definition).await?;
        workflows::queries::import(tx, id, &theirs, &theirs).await?;
        stored.created.push(slug.to_owned());
        return Ok(id);
    };
    if let Some(draft) = merged(slug, base.as_ref(), &ours, &theirs, stored) {
        shared::audit::record(tx, caller, "workflow.imported", id).await?;
        workflows::queries::import(tx, id, &draft, &theirs).await?;
    }
    Ok(id)
}

/// The new draft; `None` when nothing changes.
fn merged(
    slug: &str,
    base: Option<&Value>,
    ours: &Value,
    theirs: &Value,
    stored: &mut Stored,
) -> Option<Value> {
    if base == Some(theirs) || ours == theirs {
        stored.unchanged.push(slug.to_owned());
        return None;
    }
    if base == Some(ours) {
        stored.updated.push(slug.to_owned());
        return Some(theirs.clone());
    }
    // One that was made here under the same name has no base: all of it counts as ours.
    let (merged, kept_ours) = three_way::merge(base.unwrap_or(&Value::Null), ours, theirs);
    stored.merged.push(Merged { slug: slug.to_owned(), kept_ours });
    Some(merged)
}

/// Publishes what can run as it is; otherwise says why it stays a draft.
async fn publish(
    tx: &Tx<'_>,
    caller: &Caller,
    id: Uuid,
    definition: &Workflow,
) -> Result<Option<String>> {
    if let Some(step) = definition.steps.iter().find(|step| step.needs_review) {
        return Ok(Some(format!("step `{}` needs a person's look: the report says why", step.id)));
    }
    let minor = NewVersion { bump: Some(Bump::Minor), ..NewVersion::default() };
    match workflows::publish::publish(tx, caller, id, &minor).await {
        // Nothing new to publish, so it is published.
        Ok(_) | Err(Error::Conflict(_)) => Ok(None),
        Err(refused @ (Error::Invalid(_) | Error::Refused { .. })) => Ok(Some(refused.to_string())),
        Err(other) => Err(other),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::Internal(e.into()))
}
