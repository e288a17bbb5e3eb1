//! After a run's end: what its workers held comes back, and what is only assumed of the dead ones'
//! calls is settled by the bill, so that ledger (DynamoDB) and bill (`usage`) agree.

use std::collections::BTreeMap;

use shared::{App, Error, Result};
use spend::dead::Assumed;
use spend::lease::Used;
use spend::model::Amount;
use spend::store::now;
use workflows::model::Kind;

use crate::model::RunRef;
use crate::purse;
use crate::queries::turns;

/// Right after the end. Who still works has what they hold taken away: they begin nothing more, and
/// tell what their last call used when they close. A failure is no failure of the run: [`by_bill`]
/// comes later.
pub async fn soon(app: App, run: RunRef) {
    let back = async {
        let spend = purse::spend(app, Kind::Agent)?;
        spend.reclaim_those(run.tenant_id, run.run_id, |_, _| true, now()).await
    };
    if let Err(error) = back.await {
        error.log();
    }
}

/// When nobody can be at work any more: told by the outbox, and again until nothing is left.
pub async fn by_bill(app: App, run: RunRef) -> Result<()> {
    by_bill_at(app, run, now()).await
}

/// `now` in milliseconds since 1970.
pub async fn by_bill_at(app: App, run: RunRef, now: i64) -> Result<()> {
    let spend = purse::spend(app, Kind::Agent)?;
    let tenant = run.tenant_id;
    let over = |lease: &spend::lease::Lease, _: &spend::model::Call| lease.until < now;
    let told = spend.reclaim_those(tenant, run.run_id, over, now).await?;
    let mut turns: BTreeMap<String, Vec<Assumed>> = BTreeMap::new();
    if told.assumed > 0 {
        for one in spend.assumed(tenant, run.run_id).await? {
            turns.entry(one.call.name.clone()).or_default().push(one);
        }
    }
    let mut early = told.open;
    for (name, mut calls) in turns {
        calls.sort_by_key(|one| (one.call.before.tokens, one.call.before.micros));
        let Some(last) = calls.last().cloned() else { continue };
        if calls.iter().any(|one| one.until >= now) {
            early += calls.len();
            continue;
        }
        // What nobody can tell is on the bill too, as all that it could be.
        let most = last.call.before + last.most;
        let total = match turns::place(&name) {
            Some(turn) => {
                let db = app.db()?;
                db.tenant(tenant, async |tx| turns::on_bill(tx, run.run_id, turn, most).await)
                    .await?
            }
            None => most,
        };
        for (one, used) in calls.iter().zip(used(&calls, total)) {
            match spend.correct(tenant, one.lease, Used::Counted(used)).await {
                // A worker from the dead was faster.
                Err(Error::Conflict(_)) => {}
                other => other?,
            }
        }
    }
    if early > 0 {
        return Err(Error::Conflict(format!("{early} leases may be in use")));
    }
    Ok(())
}

/// Of each call of a turn, in their order, when the turn used so much in all: the next one knew.
fn used(calls: &[Assumed], total: Amount) -> Vec<Amount> {
    let ends = calls.iter().skip(1).map(|next| next.call.before).chain([total]);
    calls.iter().zip(ends).map(|(one, end)| end - one.call.before).collect()
}

#[cfg(test)]
mod tests {
    use spend::dead::Assumed;
    use spend::model::{Amount, Call};
    use uuid::Uuid;

    use super::used;

    #[test]
    fn what_a_turns_calls_used_follows_from_what_each_knew_before_it() {
        let amount = |n| Amount::new(n, 10 * n);
        let call = |before, most| Assumed {
            lease: Uuid::nil(),
            most: amount(most),
            call: Call { name: "s/1/2".into(), before: amount(before) },
            until: 0,
        };
        let calls = [call(0, 50), call(7, 50), call(9, 400)];
        assert_eq!(used(&calls, amount(100)), [amount(7), amount(2), amount(91)]);
        assert_eq!(used(&calls[..1], amount(50)), [amount(50)]);
    }
}
