//! A run begins, is planned, and ends: the statements that move its state.

use serde_json::Value;
use shared::db::Tx;
use shared::{Caller, Error, Result};
use uuid::Uuid;

use crate::model::{Member, PinnedStep};
use crate::turn::ANSWER_TOKENS;
use crate::waves::{State, Step};

/// A run that is about to be put on record.
pub struct NewRun<'a> {
    pub id: Uuid,
    pub workflow: (Uuid, &'a str),
    pub brief: &'a str,
    pub language: Option<&'a str>,
    pub token_cap: i64,
    pub micros_cap: i64,
    pub idempotency_key: Option<&'a str>,
    pub request_digest: &'a str,
}

const INSERT: &str = "
    -- runs::insert
    with run as (
        insert into runs (id, workflow_id, workflow_version, brief, language, token_cap, micros_cap,
                          idempotency_key, request_digest, started_by, last_event)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)
    ), event as (
        insert into run_events (run_id, sequence, kind) values ($1, 1, 'run.queued')
    )
    insert into outbox (id, topic, subject) values ($1, 'run.start', $1)";

// The steps, each with its conversation, in one statement: `$2` is an array of objects.
const INSERT_STEPS: &str = "
    -- runs::insert_steps
    with given as (
        select * from jsonb_to_recordset($2) as s(
            id text, ordinal integer, kind text, title text, definition jsonb, cast_pinned jsonb,
            needs text[], answer_tokens integer,
            conversation_id uuid)
    ), step as (
        insert into steps (run_id, id, ordinal, kind, definition, cast_pinned, needs,
                           answer_tokens)
        select $1, id, ordinal, kind, definition, cast_pinned, needs, answer_tokens from given
    )
    insert into conversations (id, run_id, step_id, kind, title)
    select conversation_id, $1, id, kind, title from given";

pub async fn insert(tx: &Tx<'_>, caller: &Caller, new: &NewRun<'_>, steps: Value) -> Result<()> {
    let (workflow, version) = new.workflow;
    tx.run(
        INSERT,
        &[
            &new.id,
            &workflow,
            &version,
            &new.brief,
            &new.language,
            &new.token_cap,
            &new.micros_cap,
            &new.idempotency_key,
            &new.request_digest,
            &caller.user,
        ],
    )
    .await?;
    tx.run(INSERT_STEPS, &[&new.id, &steps]).await.map(drop)
}

/// One step as [`insert`] takes it.
pub fn step_row(ordinal: usize, pinned: &PinnedStep, cast: &[Member]) -> Value {
    let step = &pinned.step;
    let title = if step.title.is_empty() { &step.id } else { &step.title };
    serde_json::json!({
        "id": step.id, "ordinal": ordinal, "kind": step.kind, "title": title,
        "definition": pinned, "cast_pinned": cast, "needs": step.needs,
        "answer_tokens": step.max_output_tokens.unwrap_or(ANSWER_TOKENS),
        "conversation_id": Uuid::now_v7(),
    })
}

// The first plan of a run is its start. The row is locked, so plans come one after the other.
const BEGIN: &str = "
    -- runs::begin
    update runs
    set state = 'running', started_at = coalesce(started_at, now()),
        last_event = last_event + (state = 'queued')::int
    where id = $1 and state in ('queued', 'running')
    returning last_event, started_at = now() as began";

const STARTED: &str = "
    -- runs::started
    insert into run_events (run_id, sequence, kind) values ($1, $2, 'run.started')
    on conflict do nothing";

const STATES: &str = "
    -- runs::states
    select id, state, kind, needs from steps where run_id = $1 order by ordinal";

/// The run's steps, with their kinds, after it was marked as running; `None` when it has ended.
pub async fn begin(tx: &Tx<'_>, run: Uuid) -> Result<Option<(Vec<Step>, Vec<String>)>> {
    let Some(row) = tx.opt(BEGIN, &[&run]).await? else { return Ok(None) };
    if row.try_get("began")? {
        tx.run(STARTED, &[&run, &row.try_get::<_, i64>("last_event")?]).await?;
    }
    let rows = tx.all(STATES, &[&run]).await?;
    let mut steps = Vec::with_capacity(rows.len());
    let mut kinds = Vec::with_capacity(rows.len());
    for row in &rows {
        let state: String = row.try_get("state")?;
        let state = State::parse(&state)
            .ok_or_else(|| Error::Internal(anyhow::anyhow!("step state `{state}`")))?;
        steps.push(Step { id: row.try_get("id")?, state, needs: row.try_get("needs")? });
        kinds.push(row.try_get("kind")?);
    }
    Ok(Some((steps, kinds)))
}

const SCHEDULE: &str = "
    -- runs::schedule
    with chosen as (
        update steps set state = 'scheduled'
        where run_id = $1 and id = any($2) and state = 'pending'
        returning id, ordinal
    ), run as (
        update runs set last_event = last_event + (select count(*) from chosen)
        where id = $1
        returning last_event
    )
    insert into run_events (run_id, sequence, kind, step_id)
    select $1, run.last_event - count(*) over () + row_number() over (order by ordinal),
           'step.scheduled', chosen.id
    from chosen, run";

pub async fn schedule(tx: &Tx<'_>, run: Uuid, steps: Vec<String>) -> Result<()> {
    tx.run(SCHEDULE, &[&run, &steps]).await.map(drop)
}

// Every way to end is this one statement: only a run that has not ended can, and its reservations
// come back with it.
const END: &str = "
    -- runs::end
    with run as (
        update runs
        set state = $2, error = $3, ended_at = now(), last_event = last_event + 1,
            reserved_tokens = 0, reserved_micros = 0
        where id = $1 and state in ('queued', 'running')
          and ($2 <> 'succeeded'
               or not exists (select from steps where run_id = $1 and state <> 'succeeded'))
        returning last_event
    ), step as (
        update steps
        set state = case when $2 = 'failed' and id = $4 then 'failed' else 'cancelled' end,
            error = case when $2 = 'failed' and id = $4 then $3 end,
            ended_at = now(), lease_until = null, reserved_tokens = 0, reserved_micros = 0
        from run
        where run_id = $1 and state not in ('succeeded', 'failed')
    )
    insert into run_events (run_id, sequence, kind, step_id, data)
    select $1, last_event, 'run.' || $2, $4, coalesce($3, '{}') from run";

/// False when it had ended already.
pub async fn end(
    tx: &Tx<'_>,
    run: Uuid,
    state: &str,
    error: Option<Value>,
    step: Option<&str>,
) -> Result<bool> {
    Ok(tx.run(END, &[&run, &state, &error, &step]).await? == 1)
}

const STATE: &str = "
    -- runs::state
    select state from runs where id = $1";

pub async fn state(tx: &Tx<'_>, run: Uuid) -> Result<String> {
    let row = tx.opt(STATE, &[&run]).await?.ok_or(Error::NotFound)?;
    Ok(row.try_get("state")?)
}

const TELL_STOP: &str = "
    -- runs::tell_stop
    insert into outbox (id, topic, subject) values ($1, 'run.stop', $2)";

pub async fn tell_stop(tx: &Tx<'_>, message: Uuid, run: Uuid) -> Result<()> {
    tx.run(TELL_STOP, &[&message, &run]).await.map(drop)
}

const DELIVERED: &str = "
    -- runs::delivered
    update outbox set delivered_at = now() where id = $1 and delivered_at is null";

pub async fn delivered(tx: &Tx<'_>, message: Uuid) -> Result<()> {
    tx.run(DELIVERED, &[&message]).await.map(drop)
}

const UNDELIVERED: &str = "
    -- runs::undelivered
    select tenant_id, id from sec.undelivered(make_interval(secs => $1), $2)";

/// Across tenants: which messages wait. What they say is read inside their tenant.
pub async fn undelivered(tx: &Tx<'_>, seconds: f64, most: i32) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = tx.all(UNDELIVERED, &[&seconds, &most]).await?;
    rows.iter().map(|row| Ok((row.try_get("tenant_id")?, row.try_get("id")?))).collect()
}

const MESSAGE: &str = "
    -- runs::message
    update outbox set attempts = attempts + 1
    where id = $1 and delivered_at is null
    returning topic, subject";

/// The topic and subject of a message that still waits.
pub async fn message(tx: &Tx<'_>, id: Uuid) -> Result<Option<(String, Uuid)>> {
    let Some(row) = tx.opt(MESSAGE, &[&id]).await? else { return Ok(None) };
    Ok(Some((row.try_get("topic")?, row.try_get("subject")?)))
}
