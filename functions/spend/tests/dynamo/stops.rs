//! Which account stops a call, and what a worker that comes late can still say.

use anyhow::{Result, anyhow};
use spend::items;
use spend::lease::{State, Used};
use spend::model::{Amount, Call, Caps, Party, Scope, Stop, Unit};
use spend::store::{Denied, Spend};
use uuid::Uuid;

use crate::line::Emulator;

const NEED: Amount = Amount { tokens: 100, micros: 50 };
const PATIENCE: i64 = 1_000;
/// Noon of 2025-12-01, and a day.
const NOON: i64 = 1_764_590_400_000;
const DAY: i64 = 86_400_000;

fn party(tenant: u128) -> Party {
    let id = Uuid::from_u128;
    Party { tenant: id(tenant), run: id(2), agent: Some(id(3)), user: id(4) }
}

#[tokio::test]
async fn each_account_has_its_caps_and_the_stop_says_which() -> Result<()> {
    let emulator = Emulator::start().await?;
    let dynamo = emulator.client().await;
    let spend = Spend::new(&dynamo, 1, PATIENCE);
    let today = jiff::civil::date(2025, 12, 1);
    let mut tenant = 100;
    for at in 0..5 {
        for unit in [Unit::Tokens, Unit::Micros] {
            tenant += 1;
            let party = party(tenant);
            let scope = party.scopes(today)[at].clone();
            // Enough for two calls and not for three.
            let caps = match unit {
                Unit::Tokens => Caps { tokens: Some(299), micros: None },
                Unit::Micros => Caps { tokens: None, micros: Some(149) },
            };
            spend.cap(party.tenant, &scope, caps).await?;
            for _ in 0..2 {
                let mut held = None;
                spend.begin(&mut held, &party, (&Call::default(), NEED), NOON).await?;
                Spend::settle(&mut held, Used::Counted(NEED));
                spend.close(&mut held, NOON).await?;
            }
            let mut held = None;
            let denied = spend.begin(&mut held, &party, (&Call::default(), NEED), NOON).await;
            let Err(Denied::Stop(stop)) = denied else { panic!("{scope}: {denied:?}") };
            assert!(held.is_none() && !stop.may_pass());
            let left = match unit {
                Unit::Tokens => 99,
                Unit::Micros => 49,
            };
            assert!(
                matches!(&stop, Stop::Capped { scope: s, unit: u, left: l, held: 0, .. }
                    if *s == scope && *u == unit && *l == left),
                "{stop:?}"
            );
            assert_eq!(stop.error().name(), "SpendCapReached");
            // Tomorrow is another day, for the day's caps alone.
            let tomorrow =
                spend.begin(&mut held, &party, (&Call::default(), NEED), NOON + DAY).await;
            assert_eq!(tomorrow.is_ok(), matches!(scope, Scope::Day(_)), "{scope}");
            spend.close(&mut held, NOON + DAY).await?;
            let account = spend.account(party.tenant, &scope).await?;
            assert_eq!((account.spent, account.held()), (NEED + NEED, Amount::NOTHING));
        }
    }
    // All of that was other tenants'.
    let account = spend.account(Uuid::from_u128(1), &Scope::Tenant).await?;
    assert_eq!(account.taken, Amount::NOTHING);
    Ok(())
}

#[tokio::test]
async fn who_was_taken_for_dead_and_lives_says_what_it_used() -> Result<()> {
    let emulator = Emulator::start().await?;
    let dynamo = emulator.client().await;
    let spend = Spend::new(&dynamo, 4, PATIENCE);
    let party = party(1);
    let run = Scope::Run(party.run);
    let mut held = None;
    spend.begin(&mut held, &party, (&Call::default(), NEED), NOON).await?;
    let first = held.as_ref().map(|held| held.id).ok_or_else(|| anyhow!("no lease"))?;
    assert_eq!(spend.reclaim(party.tenant, party.run, NOON + PATIENCE).await?, 0, "in time");
    assert_eq!(spend.reclaim(party.tenant, party.run, NOON + PATIENCE + 1).await?, 1);
    assert_eq!(spend.reclaim(party.tenant, party.run, NOON + PATIENCE + 1).await?, 0, "once");
    let account = spend.account(party.tenant, &run).await?;
    assert_eq!((account.spent, account.held()), (NEED, Amount::NOTHING), "all it could use");
    let assumed = spend.assumed(party.tenant, party.run).await?;
    assert_eq!(
        assumed.iter().map(|one| (one.lease, one.most)).collect::<Vec<_>>(),
        [(first, NEED)]
    );

    // Its call ends after all, and it goes on: under another lease.
    let used = Amount::new(7, 3);
    Spend::settle(&mut held, Used::Counted(used));
    spend.begin(&mut held, &party, (&Call::default(), NEED), NOON + 2 * PATIENCE).await?;
    assert_ne!(held.as_ref().map(|held| held.id), Some(first));
    assert_eq!(spend.account(party.tenant, &run).await?.spent, used);
    assert!(spend.assumed(party.tenant, party.run).await?.is_empty());
    Spend::settle(&mut held, Used::Nothing);
    spend.close(&mut held, NOON + 2 * PATIENCE).await?;
    let account = spend.account(party.tenant, &run).await?;
    assert_eq!((account.spent, account.held()), (used, Amount::NOTHING));
    let kept = items::lease(&dynamo.item(&items::lease_key(party.tenant, first)).await?);
    assert_eq!(kept.map(|lease| (lease.state, lease.used)), Some((State::Reclaimed, used)));
    Ok(())
}

#[tokio::test]
async fn a_cap_that_is_lowered_or_taken_away_counts_for_the_next_lease() -> Result<()> {
    let emulator = Emulator::start().await?;
    let dynamo = emulator.client().await;
    let spend = Spend::new(&dynamo, 1, PATIENCE);
    let party = party(1);
    let user = Scope::User(party.user);
    let mut held = None;
    spend.begin(&mut held, &party, (&Call::default(), NEED), NOON).await?;
    let lower = Caps { tokens: Some(50), micros: None };
    spend.cap(party.tenant, &user, lower).await?;
    let mut other = None;
    let denied = spend.begin(&mut other, &party, (&Call::default(), NEED), NOON).await;
    assert!(matches!(denied, Err(Denied::Stop(Stop::Capped { left: 0, .. }))), "{denied:?}");
    // The bill counts, also where it is more than was held.
    Spend::settle(&mut held, Used::Counted(NEED + NEED));
    spend.close(&mut held, NOON).await?;
    assert_eq!(spend.account(party.tenant, &user).await?.spent, NEED + NEED);
    spend.cap(party.tenant, &user, Caps::default()).await?;
    spend.begin(&mut other, &party, (&Call::default(), NEED), NOON).await?;
    spend.close(&mut other, NOON).await.map_err(Into::into)
}
