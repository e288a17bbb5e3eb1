//! What users and groups have in common: made, read, replaced, patched, deleted.

use serde_json::{Map, Value};
use shared::db::Tx;
use shared::http::{Match, Scim, ScimCreated};
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::model::{List, Query, Resource, Shown};
use crate::patch::{self, Patch};
use crate::schema::Kind;
use crate::{filter, normal, present, queries};

pub async fn list(app: App, caller: Caller, kinds: &[Kind], query: Query) -> Result<Scim<List>> {
    let filter = query.filter.as_deref().filter(|text| !text.trim().is_empty());
    let filter = filter.map(|text| filter::parse(kinds, text)).transpose()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        let (found, total) = queries::list(tx, kinds, filter.as_ref(), &query).await?;
        let people = found.iter().filter(|one| one.kind == Kind::User).map(|one| one.id);
        let groups = queries::groups_of(tx, &people.collect::<Vec<_>>()).await?;
        Ok((found, groups, total))
    });
    let (found, groups, total) = found.await?;
    let shown = query.shown();
    let shown = found.iter().map(|one| present::resource(one, &groups, &shown));
    Ok(List::new(shown.collect::<Result<_>>()?, total, query.window().0 + 1))
}

pub async fn get(
    app: App,
    caller: Caller,
    (kind, id): (Kind, Uuid),
    shown: &Shown,
    wanted: &Match,
) -> Result<Scim<Value>> {
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        let found = queries::by_id(tx, kind, id).await?;
        let groups = queries::groups_of(tx, &[id]).await?;
        Ok((found, groups))
    });
    let (found, groups) = found.await?;
    if found.is_known(wanted) {
        return Ok(Scim::unchanged(found.tag()));
    }
    shown_as(&found, &groups, shown)
}

pub async fn create(
    app: App,
    caller: Caller,
    kind: Kind,
    given: Map<String, Value>,
) -> Result<ScimCreated<Value>> {
    let mut kept = normal::resource(kind, &given)?;
    if kind == Kind::User {
        kept.entry("active").or_insert(true.into());
    }
    let id = Uuid::now_v7();
    let made = app.db()?.tenant(caller.tenant, async |tx| {
        audit::record(tx, &caller, action(kind, "created"), id).await?;
        members_are_there(tx, &kept).await?;
        queries::insert(tx, kind, id, &kept).await?;
        provisioning::outbox::user_changed(tx, kind == Kind::User, id).await?;
        queries::by_id(tx, kind, id).await
    });
    let made = made.await?;
    let location = kind.location(&id.to_string());
    Ok(shown_as(&made, &[], &Shown::default())?.created(location))
}

/// What a change is: the whole anew, or operations on what is there.
pub enum Change {
    Whole(Map<String, Value>),
    Parts(Patch),
}

pub async fn change(
    app: App,
    caller: Caller,
    (kind, id): (Kind, Uuid),
    change: Change,
    wanted: &Match,
) -> Result<Scim<Value>> {
    let changed = app.db()?.tenant(caller.tenant, async |tx| {
        let before = queries::lock(tx, kind, id).await?;
        before.check(wanted)?;
        let kept = match &change {
            Change::Whole(given) => normal::resource(kind, given)?,
            Change::Parts(parts) => patch::apply(kind, before.kept.clone(), parts)?,
        };
        let mut stopped = None;
        if kept != before.kept {
            members_are_there(tx, &kept).await?;
            queries::update(tx, kind, id, &kept).await?;
            audit::record(tx, &caller, action(kind, "changed"), id).await?;
            provisioning::outbox::user_changed(tx, kind == Kind::User, id).await?;
            let after = queries::by_id(tx, kind, id).await?;
            stopped = standing(tx, &caller, &before, after.active()).await?;
        }
        let groups = queries::groups_of(tx, &[id]).await?;
        Ok((queries::by_id(tx, kind, id).await?, groups, stopped))
    });
    let (changed, groups, stopped) = changed.await?;
    if let Some(stopped) = stopped {
        stopped.at_once(app, caller.tenant).await;
    }
    shown_as(&changed, &groups, &Shown::default())
}

pub async fn delete(
    app: App,
    caller: Caller,
    (kind, id): (Kind, Uuid),
    wanted: &Match,
) -> Result<()> {
    let stopped = app.db()?.tenant(caller.tenant, async |tx| {
        let before = queries::lock(tx, kind, id).await?;
        before.check(wanted)?;
        queries::delete(tx, id).await?;
        queries::without_member(tx, id).await?;
        audit::record(tx, &caller, action(kind, "deleted"), id).await?;
        provisioning::outbox::user_changed(tx, kind == Kind::User, id).await?;
        let Some(sub) = before.sub.as_deref().filter(|_| kind == Kind::User) else {
            return Ok(None);
        };
        provisioning::deprovision::on_record(tx, &caller, sub, "removed").await.map(Some)
    });
    if let Some(stopped) = stopped.await? {
        stopped.at_once(app, caller.tenant).await;
    }
    Ok(())
}

/// Somebody who is no longer active is shut out, and let in again when they are.
async fn standing(
    tx: &Tx<'_>,
    caller: &Caller,
    before: &Resource,
    active: bool,
) -> Result<Option<provisioning::deprovision::Stopped>> {
    let Some(sub) = before.sub.as_deref() else { return Ok(None) };
    match (before.active(), active) {
        (true, false) => {
            provisioning::deprovision::on_record(tx, caller, sub, "blocked").await.map(Some)
        }
        (false, true) => provisioning::deprovision::let_in(tx, caller, sub).await.map(Some),
        _ => Ok(None),
    }
}

/// A group names people and groups of this organization, and nobody else.
async fn members_are_there(tx: &Tx<'_>, kept: &Map<String, Value>) -> Result<()> {
    match queries::missing(tx, &queries::members_of(kept)).await? {
        Some(_) => Err(Error::Invalid(
            "`members` names somebody who is not there: create them first".into(),
        )),
        None => Ok(()),
    }
}

fn action(kind: Kind, what: &str) -> &'static str {
    match (kind, what) {
        (Kind::User, "created") => "directory.user-created",
        (Kind::User, "changed") => "directory.user-changed",
        (Kind::User, _) => "directory.user-deleted",
        (Kind::Group, "created") => "directory.group-created",
        (Kind::Group, "changed") => "directory.group-changed",
        (Kind::Group, _) => "directory.group-deleted",
    }
}

fn shown_as(
    resource: &Resource,
    groups: &[queries::Belonging],
    shown: &Shown,
) -> Result<Scim<Value>> {
    Ok(Scim::ok(present::resource(resource, groups, shown)?).tagged(resource.tag()))
}
