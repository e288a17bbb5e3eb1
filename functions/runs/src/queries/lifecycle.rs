//! A run begins, is planned, and ends: the statements that move its state.

use serde_json::Value;
use shared::db::{Db, Param, Tx};
use shared::{Caller, Error, Result};
use uuid::Uuid;

use crate::model::{Member, PinnedStep, RunRef};
use crate::talk;
use crate::turn::ANSWER_TOKENS;
use crate::waves::Step;

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
        "answer_tokens": step.max_output_tokens.unwrap_or(ANSWER_TOKENS) + talk::asked_tokens(step),
        "conversation_id": Uuid::now_v7(),
    })
}

// The first plan of a run is its start.
const BEGIN: &str = "
    -- runs::begin
    select begin_run($1, $2) as steps";

/// The run's steps, after it was marked as running; `None` when it has ended.
pub async fn begin(db: &Db, run: RunRef) -> Result<Option<Vec<Step>>> {
    let rows = db.call(run.tenant_id, BEGIN, &[&run.run_id]).await?;
    match rows.first().map(|row| row.try_get("steps")).transpose()?.flatten() {
        Some(steps) => serde_json::from_value(steps).map_err(|e| Error::Internal(e.into())),
        None => Ok(None),
    }
}

const SCHEDULE: &str = "
    -- runs::schedule
    select schedule_steps($1, $2, $3)";

/// Hands steps out; each is told once, however often it is asked for.
pub async fn schedule(db: &Db, run: RunRef, steps: Vec<String>) -> Result<()> {
    db.call(run.tenant_id, SCHEDULE, &[&run.run_id, &steps]).await.map(drop)
}

// Every way to end is this one statement: only a run that has not ended can, and its reservations
// come back with it.
const END: &str = "
    -- runs::end
    select end_run($1, $2, $3, $4, $5) as ended";

/// False when it had ended already, or a step is not done.
pub async fn succeed(db: &Db, run: RunRef) -> Result<bool> {
    let nothing: (Option<Value>, Option<&str>) = (None, None);
    let how: [&dyn Param; 4] = [&run.run_id, &"succeeded", &nothing.0, &nothing.1];
    let rows = db.call(run.tenant_id, END, &how).await?;
    Ok(rows.first().map(|row| row.try_get("ended")).transpose()?.unwrap_or(false))
}

/// False when it had ended already.
pub async fn end(
    tx: &Tx<'_>,
    run: RunRef,
    state: &str,
    error: Option<Value>,
    step: Option<&str>,
) -> Result<bool> {
    let row = tx.one(END, &[&run.tenant_id, &run.run_id, &state, &error, &step]).await?;
    Ok(row.try_get("ended")?)
}

const OPEN_OF: &str = "
    -- runs::open_of
    select id from runs where started_by = $1 and state in ('queued', 'running') order by id";

/// The runs of somebody that have not ended.
pub async fn open_of(tx: &Tx<'_>, user: Uuid) -> Result<Vec<Uuid>> {
    let rows = tx.all(OPEN_OF, &[&user]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

const STATE: &str = "
    -- runs::state
    select state from runs where id = $1";

pub async fn state(tx: &Tx<'_>, run: Uuid) -> Result<String> {
    let row = tx.opt(STATE, &[&run]).await?.ok_or(Error::NotFound)?;
    Ok(row.try_get("state")?)
}

const STARTED_BY: &str = "
    -- runs::started_by
    select started_by from runs where id = $1";

pub async fn started_by(tx: &Tx<'_>, run: Uuid) -> Result<Uuid> {
    let row = tx.opt(STARTED_BY, &[&run]).await?.ok_or(Error::NotFound)?;
    Ok(row.try_get("started_by")?)
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
