//! Accounts and leases, kept in DynamoDB. No call may begin before [`Spend::begin`] said so, and
//! what it said holds whoever dies: it is kept before the call.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::dynamo::Dynamo;
use shared::dynamo::change::{Change, Changed, Item};
use shared::{Error, Result};
use uuid::Uuid;

use crate::items::{self, Name};
use crate::lease::{Ending, Lease, State, Used, chunk};
use crate::model::{Account, Amount, Call, Caps, Party, Scope, Stop};
use crate::seen;

/// Whether something was switched off is looked up again after this: 2 seconds are promised.
const LOOK_AGAIN_MS: i64 = 1_000;
/// Others change the same accounts: how often to look and decide anew.
const TRIES: usize = 12;

pub struct Spend<'a> {
    pub(crate) dynamo: &'a Dynamo,
    /// How many calls a lease is for, where there is enough.
    calls: u16,
    /// A worker that is silent for this long is taken for dead.
    patience_ms: i64,
}

/// What a worker holds.
#[derive(Clone, Debug)]
pub struct Holding {
    pub id: Uuid,
    pub lease: Lease,
    pub(crate) party: Party,
    pub(crate) day: Date,
    pub(crate) looked: i64,
}

/// Why a call may not begin.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    #[error(transparent)]
    Stop(#[from] Stop),
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Stop(stop) => stop.error(),
            Denied::Failed(error) => error,
        }
    }
}

impl<'a> Spend<'a> {
    pub fn new(dynamo: &'a Dynamo, calls: u16, patience_ms: i64) -> Self {
        Self { dynamo, calls, patience_ms }
    }

    /// For who looks at accounts and changes their caps, and makes no call.
    pub fn reading(dynamo: &'a Dynamo) -> Self {
        Self::new(dynamo, 1, 0)
    }

    /// A call that can use `most` may begin: on the lease at hand if that is enough, which is one
    /// small write, or on a new one. `now` in milliseconds since 1970.
    pub async fn begin(
        &self,
        held: &mut Option<Holding>,
        party: &Party,
        (call, most): (&Call, Amount),
        now: i64,
    ) -> Result<(), Denied> {
        if !most.is_valid() {
            let said = format!("a call cannot need {most:?}");
            return Err(Error::Invalid(said).into());
        }
        if let Some(holding) = held {
            let same = holding.party == *party && holding.day == day(now)?;
            let fits = same && most.fits(holding.lease.rest());
            if fits && self.go_on(holding, (call, most), now).await? {
                return Ok(());
            }
            self.close(held, now).await?;
        }
        self.hold(held, party, (call, most), now).await
    }

    /// How the call ended. It is kept with what comes next, [`Spend::begin`] or [`Spend::close`].
    pub fn settle(held: &mut Option<Holding>, used: Used) {
        if let Some(holding) = held {
            holding.lease.settle(used);
        }
    }

    /// Gives back what was not used. After an error it can be asked for again.
    pub async fn close(&self, held: &mut Option<Holding>, now: i64) -> Result<()> {
        let Some(holding) = held else { return Ok(()) };
        let mut ended = holding.clone();
        let (ending, write) = (ended.lease.close(), Uuid::new_v4());
        for _ in 0..TRIES {
            ended.lease.version += 1;
            match kept(self.end(&ended, ending, write, now).await?, write) {
                Kept::Ours => {}
                Kept::Behind(version) => {
                    ended.lease.version = version;
                    continue;
                }
                Kept::Over(item) => self.amend(&ended, &item).await?,
            }
            *held = None;
            return Ok(());
        }
        Err(busy())
    }

    pub async fn account(&self, tenant: Uuid, scope: &Scope) -> Result<Account> {
        let accounts = self.accounts(tenant, std::slice::from_ref(scope)).await?;
        Ok(accounts.into_iter().next().unwrap_or_default())
    }

    /// Of a day: the same for each.
    pub async fn cap(&self, tenant: Uuid, scope: &Scope, caps: Caps) -> Result<()> {
        self.dynamo.change(&items::cap(tenant, scope, caps)).await.map(drop)
    }

    /// With a reason: nothing begins any more. Without: it may again.
    pub async fn switch(&self, tenant: Uuid, scope: &Scope, reason: Option<&str>) -> Result<()> {
        let change = items::switch(items::account_key(tenant, scope), reason);
        self.dynamo.change(&change).await.map(drop)
    }

    /// False when the lease is not ours any more: take another one. After an error the call did not
    /// begin, and the lease says so.
    async fn go_on(
        &self,
        holding: &mut Holding,
        (call, most): (&Call, Amount),
        now: i64,
    ) -> Result<bool, Denied> {
        let until = now.saturating_add(self.patience_ms);
        if holding.lease.begin(most, until).is_err() {
            return Err(Error::Conflict("a call of this lease is under way".into()).into());
        }
        let stale = now - holding.looked >= LOOK_AGAIN_MS;
        let party = holding.party.clone();
        let look = async { if stale { self.look(&party).await } else { Ok(None) } };
        let (marked, stop) = match tokio::try_join!(self.mark(holding, call), look) {
            Ok(both) => both,
            Err(error) => {
                holding.lease.settle(Used::Nothing);
                return Err(error.into());
            }
        };
        if !marked || stop.is_some() {
            holding.lease.settle(Used::Nothing);
            return stop.map_or(Ok(false), |stop| Err(stop.into()));
        }
        if stale {
            holding.looked = now;
        }
        Ok(true)
    }

    async fn mark(&self, holding: &mut Holding, call: &Call) -> Result<bool> {
        let key = items::lease_key(holding.party.tenant, holding.id);
        let write = Uuid::new_v4();
        for _ in 0..TRIES {
            holding.lease.version += 1;
            let mark = items::mark(key.clone(), &holding.lease, call, write);
            match kept(self.dynamo.change(&mark).await?, write) {
                Kept::Ours => return Ok(true),
                Kept::Behind(version) => holding.lease.version = version,
                Kept::Over(_) => return Ok(false),
            }
        }
        Err(busy())
    }

    async fn look(&self, party: &Party) -> Result<Option<Stop>> {
        // A day is not switched off: its tenant is.
        let mut scopes = party.scopes(Date::default());
        scopes.pop();
        let keys: Vec<_> =
            scopes.iter().map(|scope| items::account_key(party.tenant, scope)).collect();
        let found = self.dynamo.items(&keys).await?;
        Ok(scopes.into_iter().zip(found).find_map(|(scope, item)| {
            let reason = item.text("stopped")?.to_owned();
            Some(Stop::Switched { scope, reason })
        }))
    }

    async fn hold(
        &self,
        held: &mut Option<Holding>,
        party: &Party,
        (call, need): (&Call, Amount),
        now: i64,
    ) -> Result<(), Denied> {
        let day = day(now)?;
        let scopes = party.scopes(day);
        let id = Uuid::new_v4();
        let mut reclaimed = false;
        let mut guess = seen::accounts(party.tenant, &scopes)
            .filter(|accounts| scopes.iter().zip(accounts).all(|(s, a)| a.allows(s, need).is_ok()));
        for _ in 0..TRIES {
            let guessed = guess.take();
            let known = guessed.is_none();
            let accounts = match guessed {
                Some(accounts) => accounts,
                None => self.accounts(party.tenant, &scopes).await?,
            };
            seen::keep(party.tenant, &scopes, &accounts);
            let stop = scopes.iter().zip(&accounts).find_map(|(s, a)| a.allows(s, need).err());
            if let Some(stop) = stop {
                // What the dead hold may be what is missing.
                let may_help = !reclaimed && stop.may_pass();
                if may_help && self.reclaim(party.tenant, party.run, now).await? > 0 {
                    reclaimed = true;
                    continue;
                }
                return Err(stop.into());
            }
            let all = Amount::new(i64::MAX, i64::MAX);
            let free = accounts.iter().map(Account::left).fold(all, Amount::least);
            // What is free of a cap is not known by guessing.
            let capped = accounts.iter().any(|account| account.caps != Caps::default());
            let free = if known || !capped { free } else { need };
            let amount = chunk(need, self.calls, free);
            let mut lease = Lease::new(amount, now.saturating_add(self.patience_ms));
            // A chunk is at least its need.
            let _ = lease.begin(need, lease.until);
            let lend = items::lend(items::lease_key(party.tenant, id), &lease, call, (party, day));
            let mut changes = vec![lend];
            changes.extend(scopes.iter().zip(&accounts).map(|(scope, seen)| {
                let key = items::account_key(party.tenant, scope);
                items::take(key, scope, seen, amount, id, now)
            }));
            let holding =
                held.insert(Holding { id, lease, party: party.clone(), day, looked: now });
            match self.dynamo.change_all(changes).await {
                Ok(Changed::Done) => return Ok(()),
                // Its answer was lost: the id is ours alone.
                Ok(Changed::Refused(found)) if found.first().is_some_and(Option::is_some) => {
                    return Ok(());
                }
                Ok(Changed::Refused(_)) => *held = None,
                Err(error) => {
                    // It may be held all the same: whoever closes gives it back.
                    holding.lease.settle(Used::Nothing);
                    return Err(error.into());
                }
            }
        }
        Err(busy().into())
    }

    /// Of any scopes; a day's with the caps that its tenant's account has for it.
    pub async fn accounts(&self, tenant: Uuid, scopes: &[Scope]) -> Result<Vec<Account>> {
        let mut keys: Vec<_> =
            scopes.iter().map(|scope| items::account_key(tenant, scope)).collect();
        let at = scopes.iter().position(|scope| *scope == Scope::Tenant);
        if at.is_none() {
            keys.push(items::account_key(tenant, &Scope::Tenant));
        }
        let found = self.dynamo.items(&keys).await?;
        let mut accounts: Vec<_> = found.iter().map(items::account).collect();
        let daily = accounts[at.unwrap_or(scopes.len())].daily;
        accounts.truncate(scopes.len());
        for (scope, account) in scopes.iter().zip(&mut accounts) {
            if let Scope::Day(_) = scope {
                account.caps = daily;
            }
        }
        Ok(accounts)
    }

    pub(crate) async fn end(
        &self,
        holding: &Holding,
        ending: Ending,
        write: Uuid,
        now: i64,
    ) -> Result<Changed> {
        let Holding { id, lease, party, day, .. } = holding;
        let mut all = vec![items::end(items::lease_key(party.tenant, *id), lease, write, now)];
        let assumed = lease.state == State::Reclaimed && lease.open.is_some();
        let name = if assumed { Name::Assumed } else { Name::Gone };
        all.extend(given_back(party, *day, ending, (*id, name)));
        self.dynamo.change_all(all).await
    }

    /// Its worker was alive all the while: what was assumed of its last call is known.
    async fn amend(&self, holding: &Holding, item: &Item) -> Result<()> {
        let Some(kept) = items::lease(item).filter(|kept| kept.state == State::Reclaimed) else {
            return Ok(());
        };
        let assumed = kept.open.unwrap_or_default();
        let used = Used::Counted(holding.lease.used - (kept.used - assumed));
        let mut theirs = Holding { lease: kept, ..holding.clone() };
        match theirs.lease.amend(used) {
            Ok(ending) => self.kept_amended(&mut theirs, ending).await,
            Err(_) => Ok(()),
        }
    }

    pub(crate) async fn kept_amended(&self, holding: &mut Holding, ending: Ending) -> Result<()> {
        holding.lease.version += 1;
        let Holding { id, lease, party, day, .. } = &*holding;
        let mut all = vec![items::amend(items::lease_key(party.tenant, *id), lease)];
        all.extend(given_back(party, *day, ending, (*id, Name::Corrected)));
        self.dynamo.change_all(all).await.map(drop)
    }
}

fn given_back(
    party: &Party,
    day: Date,
    ending: Ending,
    lease: (Uuid, Name),
) -> impl Iterator<Item = Change> {
    let tenant = party.tenant;
    party.scopes(day).into_iter().map(move |scope| {
        items::give_back(items::account_key(tenant, &scope), &scope, ending, lease)
    })
}

enum Kept {
    /// By this write, or by a try of it whose answer was lost.
    Ours,
    /// A write of ours before this one never arrived, or did: this is the version to follow.
    Behind(i64),
    /// Somebody else ended it, or it never came to be.
    Over(Item),
}

/// Only its worker changes an open lease.
fn kept(changed: Changed, write: Uuid) -> Kept {
    let Changed::Refused(found) = changed else { return Kept::Ours };
    let item = found.into_iter().next().flatten().unwrap_or_default();
    match items::lease(&item) {
        _ if items::written_by(&item) == Some(write) => Kept::Ours,
        Some(kept) if kept.state == State::Open => Kept::Behind(kept.version),
        _ => Kept::Over(item),
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "DynamoDB has no clock to ask; leases bear skew")]
    Timestamp::now().as_millisecond()
}

fn busy() -> Error {
    Error::Unavailable(anyhow::anyhow!("others changed the same accounts {TRIES} times"))
}

pub fn day(now: i64) -> Result<Date> {
    let time = Timestamp::from_millisecond(now).map_err(anyhow::Error::from)?;
    Ok(time.to_zoned(TimeZone::UTC).date())
}
