//! What was taken back before its time: people, organizations, sessions, API keys, single tokens.
//!
//! A mark says: whatever of this subject began until now is refused. It is written in the
//! transaction of the deed that asks for it, and told to Redis after the commit, so that the next
//! request knows. Redis keeps what it knows of a subject for [`KNOWN`], also that there is no mark:
//! a mark that it lost, or was never told, is found in Postgres after that.

use std::time::Duration;

use uuid::Uuid;

use crate::app::App;
use crate::db::{Db, Tx};
use crate::redis::Key;
use crate::{Caller, Result};

/// How long Redis's word is taken: what was taken back is refused after this at the latest.
pub const KNOWN: Duration = Duration::from_secs(4);

/// What can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everybody of the tenant; the subject is empty.
    Organization,
    /// Whoever has this `sub`, with all their tokens, sessions and keys.
    User,
    /// One thing to prove oneself by, by its id: a token's `jti`, a session, an API key.
    Proof,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::User => "user",
            Self::Proof => "proof",
        }
    }
}

/// A mark that is on record, or will be with its transaction.
#[derive(Clone, Debug)]
#[must_use = "after the commit, tell Redis: `revocation::spread`"]
pub struct Mark {
    kind: Kind,
    subject: String,
    /// Seconds since 1970. What began in that second or before is refused.
    before: i64,
}

const MARK: &str = "
    -- auth::mark
    insert into revocations (kind, subject) values ($1, $2)
    on conflict (tenant_id, kind, subject)
    do update set before = greatest(revocations.before, excluded.before)
    returning floor(extract(epoch from before))::int8 as before";

/// Takes back whatever of this subject began until now, in the tenant of this transaction.
pub async fn mark(tx: &Tx<'_>, kind: Kind, subject: &str) -> Result<Mark> {
    let row = tx.one(MARK, &[&kind.name(), &subject]).await?;
    Ok(Mark { kind, subject: subject.to_owned(), before: row.try_get("before")? })
}

/// Tells Redis, after the commit. It cannot fail: without Redis the mark counts after [`KNOWN`].
pub async fn spread(app: App, tenant: Uuid, marks: &[Mark]) {
    let Ok(redis) = app.redis() else { return };
    for mark in marks {
        let key = key(tenant, mark.kind, &mark.subject);
        let _ = redis.set(&key, mark.before.to_string().as_bytes(), KNOWN).await;
    }
}

/// What a caller can be taken back by, and when it began.
pub(crate) fn subjects(caller: &Caller) -> Vec<(Kind, String)> {
    let mut subjects = vec![(Kind::Organization, String::new()), (Kind::User, caller.sub.clone())];
    subjects.extend(caller.proof.clone().map(|id| (Kind::Proof, id)));
    subjects
}

/// Where Redis has the mark of a subject.
pub(crate) fn key(tenant: Uuid, kind: Kind, subject: &str) -> Key {
    Key::tenant(tenant).key("revoked", &[kind.name(), subject])
}

/// Where Redis has a member's ceiling.
pub(crate) fn ceiling_key(tenant: Uuid, user: Uuid) -> Key {
    Key::tenant(tenant).key("ceiling", &[&user.to_string()])
}

/// After the commit of a change to members' roles: their next request looks them up. It cannot
/// fail: without Redis the change counts after [`KNOWN`].
pub async fn roles_changed(app: App, tenant: Uuid, members: &[Uuid]) {
    let Ok(redis) = app.redis() else { return };
    for member in members {
        let _ = redis.forget(&ceiling_key(tenant, *member)).await;
    }
}

/// What the record says of a caller.
pub(crate) struct Standing {
    /// In the order of the subjects asked for; 0 without a mark.
    pub(crate) marks: Vec<i64>,
    /// What the tenant leaves of the token's permissions; `None` when it has said nothing.
    pub(crate) ceiling: Option<Vec<String>>,
}

const STANDING: &str = "
    -- auth::standing
    select marks, ceiling from standing($1, $2, $3, $4)";

/// One round trip, one transaction.
pub(crate) async fn standing(
    db: &Db,
    caller: &Caller,
    subjects: &[(Kind, String)],
) -> Result<Standing> {
    let kinds: Vec<&str> = subjects.iter().map(|(kind, _)| kind.name()).collect();
    let names: Vec<String> = subjects.iter().map(|(_, subject)| subject.clone()).collect();
    let rows = db.call(caller.tenant, STANDING, &[&kinds, &names, &caller.user]).await?;
    let row = rows.first().ok_or_else(|| anyhow::anyhow!("standing() gave no row"))?;
    Ok(Standing { marks: row.try_get("marks")?, ceiling: row.try_get("ceiling")? })
}
