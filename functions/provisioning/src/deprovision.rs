//! Somebody has to go, now: what stops, all of it in one transaction, and what is told afterwards.
//!
//! Refused from the next request on: their tokens and sessions (a mark, see
//! `shared::auth::revocation`), their API keys, and whatever a new token would permit (their
//! ceiling is empty until they are let in again). Their runs are cancelled: a turn that is with the
//! model finds nobody to hand its answer to, and no other begins. Schedules do not exist yet; when
//! they do, they stop here.

use shared::auth::revocation::Mark;
use shared::db::Tx;
use shared::{App, Caller, Result, audit};
use uuid::Uuid;

use access::shut_out;
use runs::dispatch::{self, Message};

/// What is on record, and has to be told after the commit.
#[must_use = "after the commit: `at_once`"]
pub struct Stopped {
    member: Uuid,
    marks: Vec<Mark>,
    /// Messages of the outbox, one for each run that was cancelled.
    messages: Vec<Message>,
}

/// `state` is `blocked` or `removed`; `caller`: in whose name.
pub async fn on_record(tx: &Tx<'_>, caller: &Caller, sub: &str, state: &str) -> Result<Stopped> {
    let member = Uuid::new_v5(&caller.tenant, sub.as_bytes());
    // First of all, for it also brings tenants and users that are not on record yet.
    audit::record(tx, caller, action(state), member).await?;
    access::queries::arrive(tx, caller.tenant, member, sub).await?;
    access::queries::lock_member(tx, member).await?;
    let marks = vec![shut_out::on_record(tx, member, sub, state).await?];
    let messages = runs::cancel::all_of(tx, caller, member).await?;
    Ok(Stopped { member, marks, messages })
}

fn action(state: &str) -> &'static str {
    if state == "blocked" { "member.blocked" } else { "member.removed" }
}

/// Their tokens count again, those that are issued from now on. Keys and runs stay ended.
pub async fn let_in(tx: &Tx<'_>, caller: &Caller, sub: &str) -> Result<Stopped> {
    let member = Uuid::new_v5(&caller.tenant, sub.as_bytes());
    audit::record(tx, caller, "member.let-in", member).await?;
    access::queries::arrive(tx, caller.tenant, member, sub).await?;
    access::queries::lock_member(tx, member).await?;
    access::queries::set_member(tx, member, "active", &[]).await?;
    Ok(Stopped { member, marks: Vec::new(), messages: Vec::new() })
}

impl Stopped {
    /// After the commit. What of it fails is made up for: marks count from the record after a few
    /// seconds, and the outbox is looked through every minute.
    pub async fn at_once(self, app: App, tenant: Uuid) {
        shut_out::at_once(app, tenant, self.member, &self.marks).await;
        for message in self.messages {
            dispatch::soon(app, tenant, message).await;
        }
    }
}
