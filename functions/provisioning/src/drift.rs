//! Schedule `cron(20 2 * * ? *)`: where the issuer's directory and ours differ. It changes nothing.
//!
//! What events and pushes should have kept in step is looked at whole, once a night: a person
//! decides what to do about a difference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::auth::tenant_id;
use shared::{App, Result};
use uuid::Uuid;

use crate::management::{self, Management};
use crate::model::Difference;
use crate::queries;

/// Organizations that are asked for at a time.
const MOST: i32 = 100;

/// A schedule's event; what is in it does not matter.
#[derive(Deserialize)]
pub struct Tick {}

#[derive(Debug, Default, Serialize)]
pub struct Looked {
    pub organizations: usize,
    pub differences: usize,
    pub failed: usize,
}

/// What is compared of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub email: Option<String>,
    pub name: Option<String>,
    pub blocked: bool,
}

pub async fn handle(app: App, _: Tick) -> Result<Looked> {
    match management::of_sandbox()? {
        Some(management) => everywhere(app, management).await,
        None => Ok(Looked::default()),
    }
}

pub async fn everywhere(app: App, management: &Management) -> Result<Looked> {
    let mut looked = Looked::default();
    let mut after = None;
    let blocked = blocked(app, management).await?;
    loop {
        let page =
            app.db()?.system(async |tx| queries::organizations(tx, after, MOST).await).await?;
        let Some((last, _)) = page.last() else { return Ok(looked) };
        after = Some(*last);
        for (_, org_id) in page {
            match organization(app, management, &org_id, &blocked).await {
                Ok(found) => {
                    looked.organizations += usize::from(found.is_some());
                    looked.differences += found.unwrap_or_default();
                }
                // One organization that cannot be looked at does not hide the others.
                Err(error) => {
                    error.log();
                    looked.failed += 1;
                }
            }
        }
    }
}

/// Whom the issuer blocks, wherever they are: lists of members do not say.
async fn blocked(app: App, management: &Management) -> Result<Vec<String>> {
    let path = "/users?q=blocked:true&search_engine=v3&fields=user_id";
    let found = management.found(app.redis()?, path).await?;
    Ok(found.iter().filter_map(|user| user["user_id"].as_str().map(str::to_owned)).collect())
}

/// `None`: the issuer has no such organization, or it is not one of its.
pub async fn organization(
    app: App,
    management: &Management,
    org_id: &str,
    blocked: &[String],
) -> Result<Option<usize>> {
    let path = format!("/organizations/{org_id}/members");
    let Some(members) = management.all(app.redis()?, &path, "members").await? else {
        return Ok(None);
    };
    let there: BTreeMap<String, Known> = members
        .iter()
        .filter_map(|member| {
            let sub = member["user_id"].as_str()?.to_owned();
            let text = |name: &str| member[name].as_str().map(str::to_owned);
            let blocked = blocked.contains(&sub);
            Some((sub, Known { email: text("email"), name: text("name"), blocked }))
        })
        .collect();
    let found = app.db()?.tenant(tenant_id(org_id), async |tx| {
        let here = queries::known_here(tx).await?;
        let differences = compare(&here, &there);
        let checked = i32::try_from(here.len().max(there.len())).unwrap_or(i32::MAX);
        queries::insert_report(tx, Uuid::now_v7(), checked, &differences).await?;
        Ok(differences.len())
    });
    found.await.map(Some)
}

/// Person by person; one who is only on one side is one difference, whatever else is known of them.
pub fn compare(here: &BTreeMap<String, Known>, there: &BTreeMap<String, Known>) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |sub: &str, kind: &str, here: Option<String>, there: Option<String>| {
        found.push(Difference { sub: sub.to_owned(), kind: kind.to_owned(), here, there });
    };
    for (sub, theirs) in there {
        let Some(ours) = here.get(sub) else {
            differ(sub, "missing-here", None, theirs.email.clone());
            continue;
        };
        let folded = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
        if folded(&ours.email) != folded(&theirs.email) {
            differ(sub, "email", ours.email.clone(), theirs.email.clone());
        }
        if ours.name != theirs.name {
            differ(sub, "name", ours.name.clone(), theirs.name.clone());
        }
        if ours.blocked != theirs.blocked {
            let text = |blocked: bool| Some(Value::from(blocked).to_string());
            differ(sub, "blocked", text(ours.blocked), text(theirs.blocked));
        }
    }
    for (sub, ours) in here.iter().filter(|(sub, ours)| !there.contains_key(*sub) && !ours.blocked)
    {
        differ(sub, "missing-there", ours.email.clone(), None);
    }
    found
}
