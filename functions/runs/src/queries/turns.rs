//! One turn of a step: claimed, taken, put on record. The heart of crash safety.
//!
//! A claim takes the lease, raises the fence and reserves what the call may cost, in one
//! transaction. The record of a turn is one transaction too, and it only goes through under the
//! fence of the claim: message, usage, document, events and totals appear together or not at all.
//! Both are functions of the database, `claim_turn` and `record_turn`, whose plans are made once.
//!
//! Whoever changes a run or its steps locks the run's row first, here, there and in
//! [`super::lifecycle`]: so nobody waits in a circle.

use rooms::state::Wait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::db::{Db, Param, Tx};
use shared::llm::{Completion, price};
use shared::{Error, Result};
use spend::model::Amount;
use tokio_postgres::Row;
use uuid::Uuid;
use workflows::model::Kind;

use crate::model::{Claim, History};
use crate::turn::Work;

/// What a call may cost at most: the whole context, and the step's longest answer.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub context_tokens: i64,
    /// Millionths of a dollar for the whole context.
    pub context_micros: i64,
    /// Millionths of a dollar for a million tokens of answer.
    pub answer_rate: i64,
}

/// What a claim has kept aside.
#[derive(Clone, Copy, Debug)]
pub struct Reservation {
    pub tokens: i64,
    pub micros: i64,
}

const CLAIM: &str = "
    -- runs::claim
    select * from claim_turn($1, $2, $3, $4, $5, $6, $7, $8)";

// With the room's history, which an agent's step does not look at.
const CLAIM_ROOM: &str = "
    -- runs::claim_room
    select * from claim_room_turn($1, $2, $3, $4, $5, $6, $7, $8)";

/// `None` when the step is not to be had; [`why_not`] says why.
pub async fn claim(
    db: &Db,
    work: &Work,
    kind: Kind,
    lease_seconds: f64,
    rates: Rates,
) -> Result<Option<Claim>> {
    let Rates { context_tokens, context_micros, answer_rate } = rates;
    let lease: [&dyn Param; 4] = [&work.run.run_id, &work.step_id, &work.attempt, &lease_seconds];
    let most: [&dyn Param; 3] = [&context_tokens, &context_micros, &answer_rate];
    let params = [lease.as_slice(), most.as_slice()].concat();
    let statement = if kind == Kind::Room { CLAIM_ROOM } else { CLAIM };
    let rows = db.call(work.run.tenant_id, statement, &params).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let history = match kind {
        Kind::Room => {
            let (began, now) = (row.try_get("began")?, row.try_get("claimed_at")?);
            Some(History { began, now, turns: json(row, "history")?, named: json(row, "named")? })
        }
        _ => None,
    };
    Ok(Some(Claim {
        fence: row.try_get("fence")?,
        reservation: Reservation {
            tokens: row.try_get("reserved_tokens")?,
            micros: row.try_get("reserved_micros")?,
        },
        conversation_id: row.try_get("conversation_id")?,
        pinned: json(row, "definition")?,
        cast: json(row, "cast_pinned")?,
        brief: row.try_get("brief")?,
        language: row.try_get("language")?,
        documents: json(row, "documents")?,
        transcript: json(row, "transcript")?,
        steps: json(row, "steps")?,
        history,
    }))
}

const WHY_NOT: &str = "
    -- runs::why_not
    select r.state as run, s.state as step,
           coalesce(s.lease_until >= now(), false) and s.attempt >= $3 as leased,
           r.input_tokens + r.output_tokens + r.reserved_tokens - s.reserved_tokens
               + $4::bigint + s.answer_tokens > r.token_cap
           or r.cost_micros + r.reserved_micros - s.reserved_micros
               + $5::bigint + (s.answer_tokens * $6::bigint + 999999) / 1000000 > r.micros_cap
               as capped
    from runs r
    join steps s on s.run_id = r.id
    where r.id = $1 and s.id = $2";

/// Why a claim was refused; `Ok` when the step is done already, which is what was wanted.
///
/// Whoever held the step may have let go of it since the claim looked: that it is free now does not
/// say that a cap refused. So the cap is reckoned as the claim does, and anything else is tried again.
pub async fn why_not(
    tx: &Tx<'_>,
    (run, step): (Uuid, &str),
    attempt: i32,
    rates: Rates,
) -> Result<()> {
    let Rates { context_tokens, context_micros, answer_rate } = rates;
    let most: [&dyn Param; 3] = [&context_tokens, &context_micros, &answer_rate];
    let place: [&dyn Param; 3] = [&run, &step, &attempt];
    let asked = [place, most].concat();
    let row = tx.opt(WHY_NOT, &asked).await?.ok_or(Error::NotFound)?;
    let run_state: String = row.try_get("run")?;
    let step_state: String = row.try_get("step")?;
    match (run_state.as_str(), step_state.as_str()) {
        (_, "succeeded") => Ok(()),
        ("running", "scheduled" | "running")
            if row.try_get("leased")? || !row.try_get::<_, bool>("capped")? =>
        {
            Err(Error::Unavailable(anyhow::anyhow!("another worker holds step {step}")))
        }
        ("running", "scheduled" | "running") => Err(Error::SpendCapReached(format!(
            "step `{step}` would pass the run's cap: start again with a higher token_cap or \
             micros_cap, or with a shorter workflow"
        ))),
        ("running", _) => Err(Error::Invalid(format!("step `{step}` is {step_state}"))),
        _ => Err(Error::RunStopped(format!("the run is {run_state}"))),
    }
}

/// A taken turn, ready for the record.
pub struct Taken<'a> {
    pub run: Uuid,
    pub step: &'a str,
    pub fence: i64,
    pub turn: i32,
    pub conversation: Uuid,
    pub agent: (Uuid, &'a str),
    pub speaker: &'a str,
    pub reason: &'a str,
    pub completion: &'a Completion,
    pub cost_micros: Option<i64>,
    /// As claimed: given back when the real numbers are known.
    pub reservation: Reservation,
    pub context: Value,
    /// After this turn the step is done.
    pub last: bool,
    pub document: Option<(&'a str, &'a str)>,
    /// Of a room: among whom the speaker was chosen, and why it went another way than its order.
    pub selection: Option<&'a rooms::Choice>,
    /// Steps that waited for this one and no other: handed out with its last turn.
    pub next: &'a [String],
}

const RECORD: &str = "
    -- runs::record
    select record_chosen_turn($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                              $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,
                              $29) as recorded";

/// False when the turn is no longer ours to write: the fence has moved on, or the run has ended.
pub async fn record(db: &Db, tenant: Uuid, taken: &Taken<'_>) -> Result<bool> {
    let used = Used::new(taken.completion)?;
    let (name, content) = taken.document.unzip();
    let digest = content.map(|content| shared::digest::sha256(content.as_bytes()));
    let mut data = serde_json::json!({
        "turn": taken.turn, "speaker": taken.speaker, "reason": taken.reason,
        "conversation_id": taken.conversation, "model": taken.completion.model,
        "input_tokens": used.input, "output_tokens": used.output,
        "cost_micros": taken.cost_micros, "duration_ms": used.duration_ms,
    });
    if let Some(selection) = taken.selection {
        data["selection"] =
            serde_json::to_value(selection).map_err(|e| Error::Internal(e.into()))?;
    }
    let rows = db
        .call(
            tenant,
            RECORD,
            &[
                &taken.run,
                &taken.step,
                &taken.fence,
                &taken.turn,
                &taken.last,
                &used.input,
                &used.output,
                &taken.cost_micros,
                &taken.reservation.tokens,
                &taken.reservation.micros,
                &taken.conversation,
                &taken.agent.0,
                &taken.agent.1,
                &taken.speaker,
                &taken.reason,
                &taken.completion.text,
                &taken.context,
                &taken.completion.provider,
                &taken.completion.model,
                &taken.completion.usage_estimated,
                &used.calls,
                &used.duration_ms,
                &Uuid::now_v7(),
                &name,
                &content,
                &digest,
                &data,
                &taken.next,
            ],
        )
        .await?;
    Ok(rows.first().map(|row| row.try_get("recorded")).transpose()?.unwrap_or(false))
}

const IS_RECORDED: &str = "
    -- runs::is_recorded
    select 1 as one
    from usage
    where run_id = $1 and step_id = $2 and turn = $3 and fence = $4 and not wasted";

/// Whether this very turn, of this very worker, is on record.
pub async fn is_recorded(tx: &Tx<'_>, taken: &Taken<'_>) -> Result<bool> {
    let key: [&dyn Param; 4] = [&taken.run, &taken.step, &taken.turn, &taken.fence];
    Ok(tx.opt(IS_RECORDED, &key).await?.is_some())
}

const WASTED: &str = "
    -- runs::wasted
    with used as (
        insert into usage (run_id, step_id, turn, fence, provider, model, input_tokens,
                           output_tokens, estimated, cost_micros, calls, duration_ms, wasted)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, true)
        on conflict do nothing
        returning input_tokens, output_tokens, cost_micros
    )
    update runs r
    set input_tokens = r.input_tokens + used.input_tokens,
        output_tokens = r.output_tokens + used.output_tokens,
        cost_micros = r.cost_micros + coalesce(used.cost_micros, 0)
    from used
    where r.id = $1";

/// A call was paid for, but its turn was not taken: the money is on record all the same.
pub async fn wasted(
    tx: &Tx<'_>,
    (run, step): (Uuid, &str),
    (turn, fence): (i32, i64),
    completion: &Completion,
) -> Result<()> {
    let used = Used::new(completion)?;
    let Completion { provider, model, usage_estimated, .. } = completion;
    let place: [&dyn Param; 4] = [&run, &step, &turn, &fence];
    let (cost, calls) = (cost_micros(completion), [used.calls, used.duration_ms]);
    let spent: [&dyn Param; 8] =
        [provider, model, &used.input, &used.output, usage_estimated, &cost, &calls[0], &calls[1]];
    tx.run(WASTED, &[place.as_slice(), spent.as_slice()].concat()).await.map(drop)
}

const ON_BILL: &str = "
    -- runs::on_bill
    with used as (
        insert into usage (run_id, step_id, turn, fence, provider, model, input_tokens,
                           output_tokens, estimated, cost_micros, calls, duration_ms, wasted)
        values ($1, $2, $3, $4, 'unknown', 'unknown', $5, 0, true, $6, 1, 0, true)
        on conflict do nothing
        returning input_tokens, cost_micros
    )
    update runs r
    set input_tokens = r.input_tokens + used.input_tokens,
        cost_micros = r.cost_micros + used.cost_micros
    from used
    where r.id = $1";

const BILLED: &str = "
    -- runs::billed
    select input_tokens::bigint + output_tokens as tokens, coalesce(cost_micros, 0) as micros
    from usage
    where run_id = $1 and step_id = $2 and turn = $3 and fence = $4";

/// What the bill says of a turn. Nobody came to write it: it may have used as much as this.
pub async fn on_bill(
    tx: &Tx<'_>,
    run: Uuid,
    (step, turn, fence): (&str, i32, i64),
    most: Amount,
) -> Result<Amount> {
    let tokens = i32::try_from(most.tokens).map_err(|e| Error::Internal(e.into()))?;
    tx.run(ON_BILL, &[&run, &step, &turn, &fence, &tokens, &most.micros]).await?;
    let row = tx.one(BILLED, &[&run, &step, &turn, &fence]).await?;
    Ok(Amount::new(row.try_get("tokens")?, row.try_get("micros")?))
}

/// How the ledger names what is one line of the bill.
pub fn call_name(step: &str, turn: i32, fence: i64) -> String {
    format!("{step}/{turn}/{fence}")
}

pub fn place(call_name: &str) -> Option<(&str, i32, i64)> {
    let mut parts = call_name.rsplitn(3, '/');
    let (fence, turn) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((parts.next()?, turn, fence))
}

/// What it cost, if a price is known.
pub fn cost_micros(completion: &Completion) -> Option<i64> {
    let price = price(completion.provider, &completion.model)?;
    Some(price.cost(completion.input_tokens, completion.output_tokens))
}

const RELEASE: &str = "
    -- runs::release
    with run_now as (
        select id from runs where id = $1 and state = 'running' for no key update
    ), step as (
        update steps s set lease_until = null, reserved_tokens = 0, reserved_micros = 0
        from run_now
        where s.run_id = run_now.id and s.id = $2 and s.fence = $3 and s.state = 'running'
        returning s.id
    )
    update runs r
    set reserved_tokens = r.reserved_tokens - $4, reserved_micros = r.reserved_micros - $5
    from step
    where r.id = $1";

/// Gives lease and reservation back after a call that failed.
pub async fn release(
    tx: &Tx<'_>,
    (run, step): (Uuid, &str),
    fence: i64,
    reservation: Reservation,
) -> Result<()> {
    let Reservation { tokens, micros } = reservation;
    tx.run(RELEASE, &[&run, &step, &fence, &tokens, &micros]).await.map(drop)
}

const WAIT: &str = "
    -- runs::wait
    select wait_in_room($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as waited";

/// A person is waited for: for how long already, in seconds; `None` when the step is no longer ours.
pub async fn wait(db: &Db, work: &Work, claim: &Claim, wait: &Wait) -> Result<Option<f64>> {
    let place: [&dyn Param; 5] = [
        &work.run.run_id,
        &work.step_id,
        &claim.fence,
        &claim.reservation.tokens,
        &claim.reservation.micros,
    ];
    let turn = claim.turn();
    let what: [&dyn Param; 5] =
        [&claim.conversation_id, &turn, &wait.path, &wait.candidates, &wait.until];
    let rows =
        db.call(work.run.tenant_id, WAIT, &[place.as_slice(), what.as_slice()].concat()).await?;
    Ok(rows.first().map(|row| row.try_get("waited")).transpose()?.flatten())
}

/// A completion's numbers as the columns have them.
struct Used {
    input: i32,
    output: i32,
    calls: i32,
    duration_ms: i32,
}

impl Used {
    fn new(completion: &Completion) -> Result<Self> {
        let int = |n: u64| i32::try_from(n).map_err(|e| Error::Internal(e.into()));
        Ok(Self {
            input: int(completion.input_tokens.into())?,
            output: int(completion.output_tokens.into())?,
            calls: int(completion.calls.into())?,
            duration_ms: int(completion.duration_ms)?,
        })
    }
}

pub(super) fn json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    let value: Value = row.try_get(column)?;
    serde_json::from_value(value).map_err(|e| Error::Internal(e.into()))
}
