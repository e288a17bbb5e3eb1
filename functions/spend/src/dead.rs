//! What workers left that are gone: taken in, and settled once somebody knows.

use shared::dynamo::change::Changed;
use shared::{Error, Result};
use uuid::Uuid;

use crate::items;
use crate::lease::{Lease, Refusal, State, Used};
use crate::model::{Amount, Call, Scope};
use crate::store::{Holding, Spend};

/// Of a run's leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub reclaimed: usize,
    /// Still somebody's.
    pub open: usize,
    /// Of whose last call nobody knows what it used.
    pub assumed: usize,
}

/// A call that counts as all it could use, until somebody knows.
#[derive(Clone, Debug)]
pub struct Assumed {
    pub lease: Uuid,
    pub most: Amount,
    pub call: Call,
    /// Until then its worker may have been alive.
    pub until: i64,
}

impl Spend<'_> {
    /// Whoever of this run was silent for too long: what they did not use comes back, once.
    pub async fn reclaim(&self, tenant: Uuid, run: Uuid, now: i64) -> Result<usize> {
        let over = |lease: &Lease, _: &Call| lease.until < now;
        self.reclaim_those(tenant, run, over, now).await.map(|told| told.reclaimed)
    }

    /// Those leases of this run of which it is known that their worker is gone. Were it not, it would
    /// begin nothing more on them, and say what it used when it closes: no cap is passed by it.
    pub async fn reclaim_those(
        &self,
        tenant: Uuid,
        run: Uuid,
        gone: impl Fn(&Lease, &Call) -> bool,
        now: i64,
    ) -> Result<Told> {
        let account = self.dynamo.item(&items::account_key(tenant, &Scope::Run(run))).await?;
        let mut told = Told { assumed: account.texts("assumed").len(), ..Told::default() };
        for id in account.texts("leases") {
            let Ok(id) = id.parse::<Uuid>() else { continue };
            let item = self.dynamo.item(&items::lease_key(tenant, id)).await?;
            let Some((lease, (party, day))) = items::lease(&item).zip(items::party(&item, tenant))
            else {
                continue;
            };
            let mut holding = Holding { id, lease, party, day, looked: now };
            if holding.lease.state != State::Open || !gone(&holding.lease, &items::call(&item)) {
                told.open += 1;
                continue;
            }
            let Ok(ending) = holding.lease.reclaim() else { continue };
            holding.lease.version += 1;
            match self.end(&holding, ending, Uuid::new_v4(), now).await? {
                Changed::Done => told.reclaimed += 1,
                Changed::Refused(_) => told.open += 1,
            }
            told.assumed += usize::from(holding.lease.open.is_some());
        }
        Ok(told)
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

    /// Calls of this run of which [`Spend::correct`] was not told yet, each by its lease.
    pub async fn assumed(&self, tenant: Uuid, run: Uuid) -> Result<Vec<Assumed>> {
        let item = self.dynamo.item(&items::account_key(tenant, &Scope::Run(run))).await?;
        let ids: Vec<Uuid> =
            item.texts("assumed").iter().filter_map(|id| id.parse().ok()).collect();
        let keys: Vec<_> = ids.iter().map(|id| items::lease_key(tenant, *id)).collect();
        let found = self.dynamo.items(&keys).await?;
        Ok(ids
            .into_iter()
            .zip(&found)
            .filter_map(|(lease, item)| {
                let Lease { open, until, .. } = items::lease(item)?;
                Some(Assumed { lease, most: open?, until, call: items::call(item) })
            })
            .collect())
    }
}
