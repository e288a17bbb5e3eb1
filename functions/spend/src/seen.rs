//! The caps that this process saw last. A lease is tried with them at once: the transaction's
//! conditions hold it to what is there, so an old view costs a second try and never a cap.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use uuid::Uuid;

use crate::model::{Account, Caps, Scope};

/// More accounts than a process meets in a while.
const MOST: usize = 10_000;

type Seen = HashMap<(Uuid, &'static str, Option<Uuid>), (Caps, Caps)>;

/// As they were last; who was never met has no caps, as most have none. `None` when nothing is known
/// of the tenant: then it is better to look.
pub(crate) fn accounts(tenant: Uuid, scopes: &[Scope]) -> Option<Vec<Account>> {
    let seen = all().lock().unwrap_or_else(PoisonError::into_inner);
    let (_, everyday) = *seen.get(&key(tenant, &Scope::Tenant))?;
    let account = |scope: &Scope| {
        let (caps, daily) = match scope {
            Scope::Day(_) => (everyday, Caps::default()),
            scope => seen.get(&key(tenant, scope)).copied().unwrap_or_default(),
        };
        Account { caps, daily, ..Account::default() }
    };
    Some(scopes.iter().map(account).collect())
}

pub(crate) fn keep(tenant: Uuid, scopes: &[Scope], accounts: &[Account]) {
    let mut seen = all().lock().unwrap_or_else(PoisonError::into_inner);
    if seen.len() > MOST {
        seen.clear();
    }
    for (scope, account) in scopes.iter().zip(accounts) {
        let caps = (account.caps, account.daily);
        // What is not kept is taken to have none.
        let telling = *scope == Scope::Tenant || caps != Default::default();
        if telling && !matches!(scope, Scope::Day(_)) {
            seen.insert(key(tenant, scope), caps);
        } else {
            seen.remove(&key(tenant, scope));
        }
    }
}

fn all() -> &'static Mutex<Seen> {
    static SEEN: OnceLock<Mutex<Seen>> = OnceLock::new();
    SEEN.get_or_init(Mutex::default)
}

fn key(tenant: Uuid, scope: &Scope) -> (Uuid, &'static str, Option<Uuid>) {
    match scope {
        Scope::Run(id) => (tenant, "run", Some(*id)),
        Scope::Agent(id) => (tenant, "agent", Some(*id)),
        Scope::User(id) => (tenant, "user", Some(*id)),
        Scope::Tenant => (tenant, "tenant", None),
        Scope::Day(_) => (tenant, "day", None),
    }
}
