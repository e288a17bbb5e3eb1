//! What a run takes with it when it starts: the workflow's version, each agent at its version, and
//! the instructions that steps name. Nothing that changes later changes the run.

use std::collections::HashMap;

use shared::db::Tx;
use shared::{Error, Result};
use uuid::Uuid;
use workflows::model::Definition;

use crate::model::{Member, PinnedStep};

#[derive(Debug)]
pub struct Pinned {
    pub workflow_id: Uuid,
    pub workflow_version: String,
    /// Each step with those who work on it, in speaking order.
    pub steps: Vec<(PinnedStep, Vec<Member>)>,
}

/// `asked` is `slug` or `slug@1.2.0`; `user` is who asks.
pub async fn pin(tx: &Tx<'_>, asked: &str, user: Uuid) -> Result<Pinned> {
    let (slug, version) = match asked.split_once('@') {
        Some((slug, version)) => (slug, Some(version)),
        None => (asked, None),
    };
    let found = workflows::queries::runnable(tx, slug, version).await?;
    let (workflow_id, workflow_version, definition) = found.ok_or_else(|| Error::Refused {
        code: "workflow-missing",
        detail: format!(
            "no published workflow is called `{asked:.100}`: publish it, or check the name"
        ),
    })?;
    // It was checked when it was published, and never changes.
    let members = members(tx, &definition).await?;
    let skills: HashMap<_, _> =
        workflows::queries::skills(tx, definition.skills()).await?.into_iter().collect();
    let mut steps = Vec::with_capacity(definition.steps.len());
    for step in definition.steps {
        let cast = step.references().map(|reference| member(&members, reference));
        let cast = cast.collect::<Result<_>>()?;
        let skill = step.skill.as_ref().and_then(|skill| skills.get(skill).cloned());
        steps.push((PinnedStep { step, skill, started_by: Some(user) }, cast));
    }
    Ok(Pinned { workflow_id, workflow_version, steps })
}

async fn members(tx: &Tx<'_>, definition: &Definition) -> Result<HashMap<String, Member>> {
    let found = agents::queries::resolve(tx, definition.references()).await?;
    found
        .into_iter()
        .map(|pinned| {
            let definition =
                serde_json::from_value(pinned.definition).map_err(|e| Error::Internal(e.into()))?;
            let agents::queries::Pinned { reference, id, version, .. } = pinned;
            Ok((reference.clone(), Member { reference, agent_id: id, version, definition }))
        })
        .collect()
}

fn member(members: &HashMap<String, Member>, reference: &str) -> Result<Member> {
    members.get(reference).cloned().ok_or_else(|| Error::Refused {
        code: "agent-missing",
        detail: format!(
            "no published agent is called `{reference}`: publish it, or import its module"
        ),
    })
}
