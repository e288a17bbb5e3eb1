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
use crate::lease::{Ending, Lease, Refusal, State, Used, chunk};
use crate::model::{Account, Amount, Caps, Party, Scope, Stop};

/// Whether something was switched off is looked up again after this: 2 seconds are promised.
const LOOK_AGAIN_MS: i64 = 1_000;
/// Others change the same accounts: how often to look and decide anew.
const TRIES: usize = 12;

pub struct Spend<'a> {
    dynamo: &'a Dynamo,
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
    party: Party,
    day: Date,
    looked: i64,
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

    /// A call that can use `most` may begin: on the lease at hand if that is enough, which is one
    /// small write, or on a new one. `now` in milliseconds since 1970.
    pub async fn begin(
        &self,
        held: &mut Option<Holding>,
        party: &Party,
        most: Amount,
        now: i64,
    ) -> Result<(), Denied> {
        if !most.is_valid() {
            let said = format!("a call cannot need {most:?}");
            return Err(Error::Invalid(said).into());
        }
        if let Some(holding) = held {
            let same = holding.party == *party && holding.day == day(now)?;
            let fits = same && most.fits(holding.lease.rest());
            if fits && self.go_on(holding, most, now).await? {
                return Ok(());
            }
            self.close(held, now).await?;
        }
        self.hold(held, party, most, now).await
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

    /// Whoever of this run was silent for too long: what they did not use comes back, once.
    pub async fn reclaim(&self, tenant: Uuid, run: Uuid, now: i64) -> Result<usize> {
        let account = self.dynamo.item(&items::account_key(tenant, &Scope::Run(run))).await?;
        let mut count = 0;
        for id in account.texts("leases") {
            let Ok(id) = id.parse::<Uuid>() else { continue };
            let item = self.dynamo.item(&items::lease_key(tenant, id)).await?;
            let Some((lease, (party, day))) = items::lease(&item).zip(items::party(&item, tenant))
            else {
                continue;
            };
            let mut holding = Holding { id, lease, party, day, looked: now };
            let Ok(ending) = holding.lease.reclaim(now) else { continue };
            holding.lease.version += 1;
            if let Changed::Done = self.end(&holding, ending, Uuid::new_v4(), now).await? {
                count += 1;
            }
        }
        Ok(count)
    }

    /// What a call that was only assumed to have used all did use, from the provider's bill.
    pub async fn correct(&self, tenant: Uuid, lease: Uuid, used: Used) -> Result<()> {
        let item = self.dynamo.item(&items::lease_key(tenant, lease)).await?;
        let Some((lease_kept, (party, day))) = items::lease(&item).zip(items::party(&item, tenant))
        else {
            return Err(Error::NotFound);
        };
        let mut holding = Holding { id: lease, lease: lease_kept, party, day, looked: 0 };
        let over = |_: Refusal| Error::Conflict("nothing is assumed of this lease".into());
        let ending = holding.lease.amend(used).map_err(over)?;
        self.kept_amended(&mut holding, ending).await
    }

    /// Leases of this run of which [`Spend::correct`] was not told yet.
    pub async fn assumed(&self, tenant: Uuid, run: Uuid) -> Result<Vec<Uuid>> {
        let item = self.dynamo.item(&items::account_key(tenant, &Scope::Run(run))).await?;
        Ok(item.texts("assumed").iter().filter_map(|id| id.parse().ok()).collect())
    }

    pub async fn account(&self, tenant: Uuid, scope: &Scope) -> Result<Account> {
        let key = items::account_key(tenant, scope);
        let Scope::Day(_) = scope else {
            return Ok(items::account(&self.dynamo.item(&key).await?));
        };
        let owner = items::account_key(tenant, &Scope::Tenant);
        let (day, owner) = tokio::try_join!(self.dynamo.item(&key), self.dynamo.item(&owner))?;
        Ok(Account { caps: items::account(&owner).daily, ..items::account(&day) })
    }

    pub async fn cap(&self, tenant: Uuid, scope: &Scope, caps: Caps, daily: Caps) -> Result<()> {
        let change = items::cap(items::account_key(tenant, scope), caps, daily);
        self.dynamo.change(&change).await.map(drop)
    }

    /// With a reason: nothing begins any more. Without: it may again.
    pub async fn switch(&self, tenant: Uuid, scope: &Scope, reason: Option<&str>) -> Result<()> {
        let change = items::switch(items::account_key(tenant, scope), reason);
        self.dynamo.change(&change).await.map(drop)
    }

    /// False when the lease is not ours any more: take another one. After an error the call did not
    /// begin, and the lease says so.
    async fn go_on(&self, holding: &mut Holding, most: Amount, now: i64) -> Result<bool, Denied> {
        let until = now.saturating_add(self.patience_ms);
        if holding.lease.begin(most, until).is_err() {
            return Err(Error::Conflict("a call of this lease is under way".into()).into());
        }
        let stale = now - holding.looked >= LOOK_AGAIN_MS;
        let party = holding.party.clone();
        let look = async { if stale { self.look(&party).await } else { Ok(None) } };
        let (marked, stop) = match tokio::try_join!(self.mark(holding), look) {
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

    async fn mark(&self, holding: &mut Holding) -> Result<bool> {
        let key = items::lease_key(holding.party.tenant, holding.id);
        let write = Uuid::new_v4();
        for _ in 0..TRIES {
            holding.lease.version += 1;
            let mark = items::mark(key.clone(), &holding.lease, write);
            match kept(self.dynamo.change(&mark).await?, write) {
                Kept::Ours => return Ok(true),
                Kept::Behind(version) => holding.lease.version = version,
                Kept::Over(_) => return Ok(false),
            }
        }
        Err(busy())
    }

    async fn look(&self, party: &Party) -> Result<Option<Stop>> {
        let look = async |scope: Scope| {
            let item = self.dynamo.item(&items::account_key(party.tenant, &scope)).await?;
            let reason = item.text("stopped").map(str::to_owned);
            Ok::<_, Error>(reason.map(|reason| Stop::Switched { scope, reason }))
        };
        let (run, agent, user, tenant) = tokio::try_join!(
            look(Scope::Run(party.run)),
            look(Scope::Agent(party.agent)),
            look(Scope::User(party.user)),
            look(Scope::Tenant)
        )?;
        Ok(run.or(agent).or(user).or(tenant))
    }

    async fn hold(
        &self,
        held: &mut Option<Holding>,
        party: &Party,
        need: Amount,
        now: i64,
    ) -> Result<(), Denied> {
        let day = day(now)?;
        let scopes = party.scopes(day);
        let id = Uuid::new_v4();
        let mut reclaimed = false;
        for _ in 0..TRIES {
            let accounts = self.accounts(party.tenant, &scopes).await?;
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
            let amount = chunk(need, self.calls, free);
            let mut lease = Lease::new(amount, now.saturating_add(self.patience_ms));
            // A chunk is at least its need.
            let _ = lease.begin(need, lease.until);
            let lend = items::lend(items::lease_key(party.tenant, id), &lease, party, day);
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

    async fn accounts(&self, tenant: Uuid, scopes: &[Scope; 5]) -> Result<[Account; 5]> {
        let read = async |scope: &Scope| {
            let item = self.dynamo.item(&items::account_key(tenant, scope)).await?;
            Ok::<_, Error>(items::account(&item))
        };
        let [run, agent, user, owner, day] = scopes;
        let (run, agent, user, owner, day) =
            tokio::try_join!(read(run), read(agent), read(user), read(owner), read(day))?;
        let day = Account { caps: owner.daily, ..day };
        Ok([run, agent, user, owner, day])
    }

    async fn end(
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

    async fn kept_amended(&self, holding: &mut Holding, ending: Ending) -> Result<()> {
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

fn busy() -> Error {
    Error::Unavailable(anyhow::anyhow!("others changed the same accounts {TRIES} times"))
}

fn day(now: i64) -> Result<Date> {
    let time = Timestamp::from_millisecond(now).map_err(anyhow::Error::from)?;
    Ok(time.to_zoned(TimeZone::UTC).date())
}
