//! Every SQL statement about runs, as people and the planner see them; turns are in [`turns`].

pub mod diff;
pub mod fork;
pub mod lifecycle;
pub mod live;
pub mod replay;
pub mod turns;
pub mod waits;

use context::explain::Segment;
use context::tokens::{Bounded, Tokenizer};
use serde_json::Value;
use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::explain::Explained;
use crate::model::{Event, Fork, Run, RunDetail, Spend, StepView};

const LIST: &str = "
    -- runs::list
    select r.*, w.slug as workflow
    from runs r
    join workflows w on w.id = r.workflow_id
    where ($1::uuid is null or r.id < $1) and ($3::text is null or r.state = $3)
    order by r.id desc
    limit $2";

pub async fn list(tx: &Tx<'_>, window: Window<Uuid>, state: Option<&str>) -> Result<Vec<Run>> {
    let rows = tx.all(LIST, &[&window.after, &window.rows(), &state]).await?;
    rows.iter().map(run).collect()
}

const BY_ID: &str = "
    -- runs::by_id
    select r.*, w.slug as workflow
    from runs r
    join workflows w on w.id = r.workflow_id
    where r.id = $1";

const STEPS: &str = "
    -- runs::steps
    select s.*, c.id as conversation_id,
           array(select m->>'reference' || '@' || (m->>'version')
                 from jsonb_array_elements(s.cast_pinned) m) as \"cast\"
    from steps s
    join conversations c on c.run_id = s.run_id and c.step_id = s.id
    where s.run_id = $1
    order by s.ordinal";

pub async fn by_id(tx: &Tx<'_>, id: Uuid) -> Result<RunDetail> {
    let row = tx.opt(BY_ID, &[&id]).await?.ok_or(Error::NotFound)?;
    let steps = tx.all(STEPS, &[&id]).await?;
    Ok(RunDetail {
        run: run(&row)?,
        brief: row.try_get("brief")?,
        steps: steps.iter().map(step).collect::<Result<_>>()?,
    })
}

const BY_KEY: &str = "
    -- runs::by_idempotency_key
    select id, request_digest
    from runs
    where idempotency_key = $1";

/// The run that an earlier request with this key started, and that request's digest.
pub async fn by_idempotency_key(tx: &Tx<'_>, key: &str) -> Result<Option<(Uuid, String)>> {
    let Some(row) = tx.opt(BY_KEY, &[&key]).await? else { return Ok(None) };
    Ok(Some((row.try_get("id")?, row.try_get("request_digest")?)))
}

const EVENTS: &str = "
    -- runs::events
    select sequence, kind, step_id, data, at
    from run_events
    where run_id = $1 and ($2::bigint is null or sequence > $2)
    order by sequence
    limit $3";

pub async fn events(tx: &Tx<'_>, id: Uuid, window: Window<i64>) -> Result<Vec<Event>> {
    let rows = tx.all(EVENTS, &[&id, &window.after, &window.rows()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Event {
                sequence: row.try_get("sequence")?,
                kind: row.try_get("kind")?,
                step_id: row.try_get("step_id")?,
                data: row.try_get("data")?,
                at: row.try_get("at")?,
            })
        })
        .collect()
}

const EXPLAINED: &str = "
    -- runs::explained
    select m.sequence, m.speaker, m.reason, m.context, u.input_tokens, u.estimated
    from runs r
    join conversations c on c.run_id = r.id and c.step_id = $2
    join messages m on m.conversation_id = c.id
    left join usage u on u.run_id = r.id and u.step_id = $2 and u.turn = m.sequence and not u.wasted
    where r.id = $1 and ($3::integer is null or m.sequence = $3)
    order by m.sequence desc
    limit 1";

/// A turn's prompt as the record has it.
pub async fn explained(tx: &Tx<'_>, run: Uuid, step: &str, turn: Option<i32>) -> Result<Explained> {
    let row = tx.opt(EXPLAINED, &[&run, &step, &turn]).await?.ok_or(Error::NotFound)?;
    let segments: Value = row.try_get("context")?;
    let segments: Vec<Segment> =
        serde_json::from_value(segments).map_err(|e| Error::Internal(e.into()))?;
    let estimated: Option<bool> = row.try_get("estimated")?;
    let counted: Option<i32> = row.try_get("input_tokens")?;
    Ok(Explained {
        run_id: run,
        step_id: step.to_owned(),
        turn: row.try_get("sequence")?,
        speaker: row.try_get("speaker")?,
        reason: row.try_get("reason")?,
        tokenizer: Bounded.name().to_owned(),
        tokens: segments.iter().map(|segment| segment.included_tokens).sum(),
        input_tokens: counted.filter(|_| estimated == Some(false)),
        segments,
    })
}

const EXISTS: &str = "
    -- runs::exists
    select 1 as one from runs where id = $1";

pub async fn exists(tx: &Tx<'_>, id: Uuid) -> Result<()> {
    tx.opt(EXISTS, &[&id]).await?.map(drop).ok_or(Error::NotFound)
}

fn run(row: &Row) -> Result<Run> {
    Ok(Run {
        id: row.try_get("id")?,
        workflow_id: row.try_get("workflow_id")?,
        workflow: row.try_get("workflow")?,
        workflow_version: row.try_get("workflow_version")?,
        state: row.try_get("state")?,
        error: row.try_get("error")?,
        language: row.try_get("language")?,
        forked_from: fork(row)?,
        spend: Spend {
            input_tokens: row.try_get("input_tokens")?,
            output_tokens: row.try_get("output_tokens")?,
            cost_micros: row.try_get("cost_micros")?,
            reserved_tokens: row.try_get("reserved_tokens")?,
            reserved_micros: row.try_get("reserved_micros")?,
            token_cap: row.try_get("token_cap")?,
            micros_cap: row.try_get("micros_cap")?,
        },
        created_at: row.try_get("created_at")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
    })
}

fn fork(row: &Row) -> Result<Option<Fork>> {
    let Some(run_id) = row.try_get("forked_from")? else { return Ok(None) };
    let (step_id, turn) = (row.try_get("forked_step")?, row.try_get("forked_turn")?);
    Ok(Some(Fork { run_id, step_id, turn }))
}

fn step(row: &Row) -> Result<StepView> {
    let definition: Value = row.try_get("definition")?;
    let text = |key: &str| definition["step"][key].as_str().map(str::to_owned);
    Ok(StepView {
        id: row.try_get("id")?,
        title: text("title").unwrap_or_default(),
        kind: row.try_get("kind")?,
        state: row.try_get("state")?,
        needs: row.try_get("needs")?,
        cast: row.try_get("cast")?,
        conversation_id: row.try_get("conversation_id")?,
        document: text("document"),
        turns: row.try_get("turns")?,
        input_tokens: row.try_get("input_tokens")?,
        output_tokens: row.try_get("output_tokens")?,
        cost_micros: row.try_get("cost_micros")?,
        error: row.try_get("error")?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
    })
}
