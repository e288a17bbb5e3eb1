//! How accounts and leases lie in DynamoDB's one table, and every expression about them.
//! docs/operations/redis-dynamo.md lists the attributes.

use jiff::civil::Date;
use shared::dynamo::Key;
use shared::dynamo::change::{Change, Item, Value};
use uuid::Uuid;

use crate::lease::{Ending, Lease, State};
use crate::model::{Account, Amount, Call, Caps, Party, Scope};

/// Days that the accounts of runs and days are kept, and leases that ended.
const KEPT_ACCOUNT: i64 = 400;
const KEPT_LEASE: i64 = 30;
const DAY: i64 = 86_400;

pub fn account_key(tenant: Uuid, scope: &Scope) -> Key {
    let id = match scope {
        Scope::Run(id) | Scope::Agent(id) | Scope::User(id) => id.to_string(),
        Scope::Tenant => String::new(),
        Scope::Day(day) => day.to_string(),
    };
    Key::tenant(tenant).count(&["spend", &scope.to_string(), &id])
}

pub fn lease_key(tenant: Uuid, id: Uuid) -> Key {
    Key::tenant(tenant).hold(&id.to_string())
}

pub fn account(item: &Item) -> Account {
    let number = |name| item.number(name);
    let sum = |tokens, micros| {
        Amount::new(number(tokens).unwrap_or_default(), number(micros).unwrap_or_default())
    };
    Account {
        caps: Caps { tokens: number("tokens_cap"), micros: number("micros_cap") },
        daily: Caps { tokens: number("daily_tokens_cap"), micros: number("daily_micros_cap") },
        taken: sum("tokens_taken", "micros_taken"),
        spent: sum("tokens_spent", "micros_spent"),
        stopped: item.text("stopped").map(str::to_owned),
    }
}

pub fn lease(item: &Item) -> Option<Lease> {
    let sum = |tokens, micros| Some(Amount::new(item.number(tokens)?, item.number(micros)?));
    Some(Lease {
        state: match item.text("lease_state")? {
            "open" => State::Open,
            "closed" => State::Closed,
            _ => State::Reclaimed,
        },
        held: sum("tokens_held", "micros_held")?,
        used: sum("tokens_used", "micros_used")?,
        open: sum("tokens_open", "micros_open"),
        calls: item.number("call_count")?,
        until: item.number("lease_until")?,
        version: item.number("lease_version")?,
    })
}

/// The write that it is as it is by.
pub fn written_by(item: &Item) -> Option<Uuid> {
    item.text("lease_write")?.parse().ok()
}

/// Whose lease it is, and on which day's account.
pub fn party(item: &Item, tenant: Uuid) -> Option<(Party, Date)> {
    let id = |name| item.text(name)?.parse::<Uuid>().ok();
    let (run, agent) = (id("lease_run")?, id("lease_agent"));
    let party = Party { tenant, run, agent, user: id("lease_user")? };
    Some((party, item.text("lease_day")?.parse().ok()?))
}

/// What the call was begun for of which nobody knows yet how it ended.
pub fn call(item: &Item) -> Call {
    let number = |name| item.number(name).unwrap_or_default();
    let before = Amount::new(number("tokens_before"), number("micros_before"));
    Call { name: item.text("call_name").unwrap_or_default().to_owned(), before }
}

/// Takes so much, if the caps are still those that were `seen` and it still fits.
pub fn take(
    key: Key,
    scope: &Scope,
    seen: &Account,
    held: Amount,
    lease: Uuid,
    now: i64,
) -> Change {
    let mut change = Change::of(key)
        .when("attribute_not_exists(stopped)")
        .add("tokens_taken", Value::Number(held.tokens))
        .add("micros_taken", Value::Number(held.micros));
    // A day's caps are on its tenant's account, and compared there.
    if !matches!(scope, Scope::Day(_)) {
        change = same(change, "tokens_cap", seen.caps.tokens);
        change = same(change, "micros_cap", seen.caps.micros);
    }
    if *scope == Scope::Tenant {
        change = same(change, "daily_tokens_cap", seen.daily.tokens);
        change = same(change, "daily_micros_cap", seen.daily.micros);
    }
    for (name, cap, held) in [
        ("tokens_taken", seen.caps.tokens, held.tokens),
        ("micros_taken", seen.caps.micros, held.micros),
    ] {
        if let Some(cap) = cap {
            let limit = format!(":limit_{name}");
            change = change
                .when(&format!("attribute_not_exists({name}) or {name} <= {limit}"))
                .with(&limit, Value::Number(cap - held));
        }
    }
    if let Scope::Run(_) = scope {
        change = change.add("leases", name_of(lease));
    }
    match scope {
        Scope::Run(_) | Scope::Day(_) => expires(change, now, KEPT_ACCOUNT),
        _ => change,
    }
}

fn same(change: Change, name: &str, cap: Option<i64>) -> Change {
    let Some(cap) = cap else { return change.when(&format!("attribute_not_exists({name})")) };
    let seen = format!(":seen_{name}");
    change.when(&format!("{name} = {seen}")).with(&seen, Value::Number(cap))
}

fn expires(change: Change, now: i64, days: i64) -> Change {
    change.set("expires_at", Value::Number(now / 1_000 + days * DAY))
}

fn name_of(lease: Uuid) -> Value {
    Value::Texts(vec![lease.to_string()])
}

/// A lease that was not there before. Its id is the guard: a lost answer is recognized by it.
pub fn lend(key: Key, lease: &Lease, call: &Call, (party, day): (&Party, Date)) -> Change {
    let change = begun(keep(key, lease, Uuid::new_v4()), call)
        .when("attribute_not_exists(pk)")
        .set("tokens_held", Value::Number(lease.held.tokens))
        .set("micros_held", Value::Number(lease.held.micros))
        .set("lease_run", Value::Text(party.run.to_string()))
        .set("lease_user", Value::Text(party.user.to_string()))
        .set("lease_day", Value::Text(day.to_string()));
    match party.agent {
        Some(agent) => change.set("lease_agent", Value::Text(agent.to_string())),
        None => change,
    }
}

fn begun(change: Change, call: &Call) -> Change {
    change
        .set("call_name", Value::Text(call.name.clone()))
        .set("tokens_before", Value::Number(call.before.tokens))
        .set("micros_before", Value::Number(call.before.micros))
}

/// What its worker did meanwhile, and what it begins. `lease` is at its next version.
pub fn mark(key: Key, lease: &Lease, call: &Call, write: Uuid) -> Change {
    begun(follows(keep(key, lease, write), lease, "open"), call)
}

/// Ended by its worker or, silent for too long, by somebody else; kept for what comes late.
pub fn end(key: Key, lease: &Lease, write: Uuid, now: i64) -> Change {
    expires(follows(keep(key, lease, write), lease, "open"), now, KEPT_LEASE)
}

/// What was assumed of a reclaimed lease is known now.
pub fn amend(key: Key, lease: &Lease) -> Change {
    follows(keep(key, lease, Uuid::new_v4()), lease, "reclaimed")
}

/// `write` tells a lost answer from somebody else's change.
fn keep(key: Key, lease: &Lease, write: Uuid) -> Change {
    let change = Change::of(key)
        .set("lease_state", Value::Text(word(lease.state).into()))
        .set("lease_write", Value::Text(write.to_string()))
        .set("lease_version", Value::Number(lease.version))
        .set("lease_until", Value::Number(lease.until))
        .set("call_count", Value::Number(lease.calls))
        .set("tokens_used", Value::Number(lease.used.tokens))
        .set("micros_used", Value::Number(lease.used.micros));
    match lease.open {
        Some(open) => change
            .set("tokens_open", Value::Number(open.tokens))
            .set("micros_open", Value::Number(open.micros)),
        None => change.remove("tokens_open").remove("micros_open"),
    }
}

fn follows(change: Change, lease: &Lease, state: &str) -> Change {
    change
        .when("lease_state = :was and lease_version = :before")
        .with(":was", Value::Text(state.into()))
        .with(":before", Value::Number(lease.version - 1))
}

fn word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Closed => "closed",
        State::Reclaimed => "reclaimed",
    }
}

/// What becomes of the lease's name on its run's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Nothing is open any more.
    Gone,
    /// Reclaimed, with a call of which nobody knows what it used.
    Assumed,
    /// Known after all.
    Corrected,
}

/// What an ending changes on an account.
pub fn give_back(key: Key, scope: &Scope, ending: Ending, (lease, name): (Uuid, Name)) -> Change {
    let change = Change::of(key)
        .when("attribute_exists(pk)")
        .add("tokens_taken", Value::Number(ending.taken.tokens))
        .add("micros_taken", Value::Number(ending.taken.micros))
        .add("tokens_spent", Value::Number(ending.spent.tokens))
        .add("micros_spent", Value::Number(ending.spent.micros));
    let Scope::Run(_) = scope else { return change };
    match name {
        Name::Gone => change.delete("leases", name_of(lease)),
        Name::Assumed => change.delete("leases", name_of(lease)).add("assumed", name_of(lease)),
        Name::Corrected => change.delete("assumed", name_of(lease)),
    }
}

/// New caps, whatever is taken already; every day's are on its tenant's account. The last writer wins.
pub fn cap(tenant: Uuid, scope: &Scope, caps: Caps) -> Change {
    let (key, names) = match scope {
        Scope::Day(_) => {
            (account_key(tenant, &Scope::Tenant), ["daily_tokens_cap", "daily_micros_cap"])
        }
        scope => (account_key(tenant, scope), ["tokens_cap", "micros_cap"]),
    };
    let all = names.into_iter().zip([caps.tokens, caps.micros]);
    all.fold(Change::of(key), |change, (name, cap)| match cap {
        Some(cap) => change.set(name, Value::Number(cap)),
        None => change.remove(name),
    })
}

/// Switches off, with a reason, or on again.
pub fn switch(key: Key, reason: Option<&str>) -> Change {
    match reason {
        Some(reason) => Change::of(key).set("stopped", Value::Text(reason.to_owned())),
        None => Change::of(key).remove("stopped"),
    }
}
