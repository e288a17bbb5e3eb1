//! An import goes into the record: additive, versioned, and never over what a user changed.

use agents::version::{Bump, NewVersion, Slug};
use agents::versioned::Kept;
use serde_json::Value;
use shared::db::Tx;
use shared::{Caller, Error, Result};
use uuid::Uuid;
use workflows::model::Definition as Workflow;

use crate::bundle::Bundle;
use crate::model::{Import, WorkflowDef};
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
        parties: Stored::default(),
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
    let mut settled = Vec::with_capacity(import.workflows.len());
    let own = |workflow: &WorkflowDef| (workflow.slug.clone(), convert::workflow(workflow));
    let workflows = import.workflows.iter().map(own).map(|workflow| (workflow, false));
    let parties = import.rooms.iter().filter_map(|room| convert::party(room, &import.members));
    for ((slug, definition), party) in workflows.chain(parties.map(|party| (party, true))) {
        let stored = if party { &mut outcome.parties } else { &mut outcome.workflows };
        if let Some(id) = put_workflow(tx, caller, &slug, &definition, stored).await? {
            settled.push((id, slug, definition));
        } else {
            let why = "it has changes of yours: publish it when they are done".into();
            outcome.draft_workflows.push(Draft { workflow: slug, why });
        }
    }
    for alias in &import.aliases {
        workflows::queries::alias(tx, &alias.from, &alias.to).await?;
    }
    // Publishing comes last: a workflow may name any agent and any other workflow of the bundle.
    for (id, slug, definition) in settled {
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
    let Some(id) = put(tx, caller, &agents::queries::KEPT, slug, definition, stored).await? else {
        return Ok(());
    };
    match agents::publish::publish(tx, caller, id, &minor()).await {
        // What was published before is what there is.
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
) -> Result<Option<Uuid>> {
    definition.check()?;
    put(tx, caller, &workflows::queries::KEPT, slug, definition, stored).await
}

/// The draft, new or merged into what is there. Its id, unless it has changes of a user, which are
/// not ours to publish.
async fn put<D: serde::Serialize>(
    tx: &Tx<'_>,
    caller: &Caller,
    kept: &Kept,
    slug: &str,
    definition: &D,
    stored: &mut Stored,
) -> Result<Option<Uuid>> {
    let theirs = json(definition)?;
    let action = format!("{}.imported", kept.what);
    let Some((id, ours, base)) = kept.imported(tx, slug).await? else {
        let id = Uuid::now_v7();
        shared::audit::record(tx, caller, &action, id).await?;
        kept.insert(tx, id, &Slug::try_from(slug.to_owned())?, definition).await?;
        kept.import(tx, id, (&theirs, &theirs)).await?;
        stored.created.push(slug.to_owned());
        return Ok(Some(id));
    };
    if let Some(draft) = merged(slug, base.as_ref(), &ours, &theirs, stored) {
        shared::audit::record(tx, caller, &action, id).await?;
        kept.import(tx, id, (&draft, &theirs)).await?;
    }
    let settled = base.as_ref() == Some(&ours) || ours == theirs;
    Ok(settled.then_some(id))
}

/// The first publication is 1.0.0; an import that changes something is a minor one.
fn minor() -> NewVersion {
    NewVersion { bump: Some(Bump::Minor), ..NewVersion::default() }
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
    let Some(base) = base else {
        // Made here, under the same name by chance: all of it stays as it is.
        stored.merged.push(Merged { slug: slug.to_owned(), kept_ours: vec![String::new()] });
        return None;
    };
    let (merged, kept_ours) = three_way::merge(base, ours, theirs);
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
    match workflows::publish::publish(tx, caller, id, &minor()).await {
        // Nothing new to publish, so it is published.
        Ok(_) | Err(Error::Conflict(_)) => Ok(None),
        Err(refused @ (Error::Invalid(_) | Error::Refused { .. })) => Ok(Some(refused.to_string())),
        Err(other) => Err(other),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::Internal(e.into()))
}
