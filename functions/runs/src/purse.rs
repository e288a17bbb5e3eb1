//! What a worker holds of the caps while it works: no call of a model begins before [`spend`] said
//! so. One lease for each agent it lets speak, given back when the worker is done.

use shared::llm::{Completion, Llm};
use shared::{App, Error, Result};
use spend::lease::Used;
use spend::model::{Amount, Call, Party};
use spend::store::{Holding, Spend, now};
use uuid::Uuid;
use workflows::model::Kind;

use crate::model::Claim;
use crate::queries::{lifecycle, turns};
use crate::turn::Work;

/// A worker that is silent for this long is taken for dead, here and in Postgres.
pub const PATIENCE_MS: i64 = 150_000;
/// Calls that a lease is for. An agent's step is one call; a member of a room comes back.
const ROOM_CALLS: u16 = 4;

#[derive(Default)]
pub struct Purse {
    held: Vec<(Option<Uuid>, Option<Holding>)>,
    /// Something was used that is not on the bill yet.
    unbilled: bool,
}

/// One turn's calls, on the purse of its worker.
pub struct Tab<'a> {
    spend: Spend<'a>,
    purse: &'a mut Purse,
    party: Party,
    call: Call,
}

/// With how many calls a lease begins.
pub fn spend(app: App, kind: Kind) -> Result<Spend<'static>> {
    let calls = if kind == Kind::Room { ROOM_CALLS } else { 1 };
    Ok(Spend::new(app.dynamo()?, calls, PATIENCE_MS))
}

impl Purse {
    /// A tab for the turn that was claimed. Whoever tried before is gone, as the claim has it, and
    /// what they held comes back.
    pub async fn tab<'a>(
        &'a mut self,
        app: App,
        (work, kind): (&Work, Kind),
        claim: &Claim,
    ) -> Result<Tab<'a>> {
        let spend = spend(app, kind)?;
        let (tenant, run) = (work.run.tenant_id, work.run.run_id);
        let user = match claim.pinned.started_by {
            Some(user) => user,
            None => {
                app.db()?.tenant(tenant, async |tx| lifecycle::started_by(tx, run).await).await?
            }
        };
        if work.attempt > 0 && self.held.is_empty() {
            let theirs =
                |call: &Call| turns::place(&call.name).is_some_and(|p| p.0 == work.step_id);
            spend.reclaim_those(tenant, run, |_, call| theirs(call), now()).await?;
        }
        let name = turns::call_name(&work.step_id, claim.turn(), claim.fence);
        let party = Party { tenant, run, agent: None, user };
        Ok(Tab { spend, purse: self, party, call: Call { name, before: Amount::NOTHING } })
    }

    /// What was used is on the bill.
    pub fn billed(&mut self) {
        self.unbilled = false;
    }

    /// What was not used comes back. What cannot be told now is found later: see [`crate::settle`].
    pub async fn close(&mut self, app: App) {
        if self.unbilled {
            // Closed, the ledger would say what the bill never will. Open, both are told the same.
            return;
        }
        for (_, held) in &mut self.held {
            if held.is_none() {
                continue;
            }
            let closed = match spend(app, Kind::Agent) {
                Ok(spend) => spend.close(held, now()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = closed {
                error.log();
            }
        }
    }
}

impl Tab<'_> {
    /// A call that can use `most` may begin. Whatever goes wrong, it may not.
    pub async fn begin(&mut self, agent: Option<Uuid>, most: Amount) -> Result<()> {
        let party = Party { agent, ..self.party.clone() };
        let held = self.purse.of(agent);
        self.spend.begin(held, &party, (&self.call, most), now()).await.map_err(Error::from)
    }

    /// How it ended, by what the turn has used in all, this call included.
    pub fn settle(&mut self, agent: Option<Uuid>, total: Amount) {
        let used = total - self.call.before;
        self.purse.unbilled |= used != Amount::NOTHING;
        Spend::settle(self.purse.of(agent), Used::Counted(used));
        self.call.before = total;
    }
}

impl Purse {
    fn of(&mut self, agent: Option<Uuid>) -> &mut Option<Holding> {
        let at = self.held.iter().position(|(whose, _)| *whose == agent).unwrap_or_else(|| {
            self.held.push((agent, None));
            self.held.len() - 1
        });
        &mut self.held[at].1
    }
}

/// The most a call of so many tokens can use.
pub fn most(llm: &Llm, input: u32, output: u32) -> Amount {
    total(Some(&unknown(llm, input, output)))
}

/// What the bill says of these calls. Without a price only tokens count.
pub fn total(completion: Option<&Completion>) -> Amount {
    completion.map_or(Amount::NOTHING, |completion| {
        let tokens = i64::from(completion.input_tokens) + i64::from(completion.output_tokens);
        Amount::new(tokens, turns::cost_micros(completion).unwrap_or_default())
    })
}

/// A call that may have been answered without anybody hearing it: all that it could use.
pub fn unknown(llm: &Llm, input_tokens: u32, output_tokens: u32) -> Completion {
    Completion {
        text: String::new(),
        provider: llm.provider(),
        model: llm.model().to_owned(),
        input_tokens,
        output_tokens,
        usage_estimated: true,
        finish: shared::llm::Finish::Other,
        calls: 1,
        duration_ms: 0,
    }
}

/// After this error of a model's call: whether the provider may have been paid for it.
pub fn may_cost(error: &Error) -> bool {
    matches!(error, Error::Unavailable(cause) if !shared::llm::is_unread(cause))
}
