//! What a fork takes over from the run it began in.

use serde_json::Value;
use shared::db::Tx;
use shared::{Caller, Error, Result};
use uuid::Uuid;

use crate::fork::Kept;

/// A step as it stood.
#[derive(Debug)]
pub struct Stood {
    pub id: String,
    pub needs: Vec<String>,
    /// On record.
    pub turns: i32,
    pub done: bool,
}

// The lock keeps turns from being added while they are copied.
const STOOD: &str = "
    -- runs::stood
    select s.id, s.needs, s.turns, s.state = 'succeeded' as done
    from runs r
    join steps s on s.run_id = r.id
    where r.id = $1
    order by s.ordinal
    for share of r";

pub async fn stood(tx: &Tx<'_>, run: Uuid) -> Result<Vec<Stood>> {
    let rows = tx.all(STOOD, &[&run]).await?;
    if rows.is_empty() {
        return Err(Error::NotFound);
    }
    let steps = rows.iter().map(|row| {
        Ok(Stood {
            id: row.try_get("id")?,
            needs: row.try_get("needs")?,
            turns: row.try_get("turns")?,
            done: row.try_get("done")?,
        })
    });
    steps.collect()
}

/// A fork that is about to be put on record.
pub struct Forked<'a> {
    pub id: Uuid,
    pub from: Uuid,
    /// The step, and its last turn that is kept.
    pub at: (&'a str, i32),
    pub caps: (Option<i64>, Option<i64>),
    /// The key of the request, and its digest.
    pub asked: (Option<&'a str>, &'a str),
}

const INSERT: &str = "
    -- runs::fork
    with run as (
        insert into runs (id, workflow_id, workflow_version, brief, language, token_cap, micros_cap,
                          idempotency_key, request_digest, started_by, last_event,
                          forked_from, forked_step, forked_turn)
        select $1, workflow_id, workflow_version, brief, language, coalesce($3, token_cap),
               coalesce($4, micros_cap), $5, $6, $7, 1, id, $8, $9
        from runs
        where id = $2
    ), event as (
        insert into run_events (run_id, sequence, kind, data)
        values ($1, 1, 'run.queued', jsonb_build_object(
            'forked_from', jsonb_build_object('run_id', $2, 'step_id', $8, 'turn', $9)))
    )
    insert into outbox (id, topic, subject) values ($1, 'run.start', $1)";

// In `$3` each step, with what is kept of it and its new conversation. Usage stays with the run that
// paid for it. The steps work on the account of who forks.
const INSERT_STEPS: &str = "
    -- runs::fork_steps
    with kept as (
        select * from jsonb_to_recordset($3) as k(id text, turns integer, done boolean,
                                                  conversation_id uuid)
    ), step as (
        insert into steps (run_id, id, ordinal, kind, definition, cast_pinned, needs, answer_tokens,
                           state, turns, started_at, ended_at)
        select $1, s.id, s.ordinal, s.kind,
               s.definition || jsonb_build_object('started_by', $4::uuid), s.cast_pinned, s.needs,
               s.answer_tokens, case when k.done then 'succeeded' else 'pending' end, k.turns,
               case when k.done then now() end, case when k.done then now() end
        from steps s
        join kept k on k.id = s.id
        where s.run_id = $2
    )
    insert into conversations (id, run_id, step_id, kind, title)
    select k.conversation_id, $1, c.step_id, c.kind, c.title
    from conversations c
    join kept k on k.id = c.step_id
    where c.run_id = $2";

const INSERT_TURNS: &str = "
    -- runs::fork_turns
    with kept as (
        select k.*, c.id as before
        from jsonb_to_recordset($3) as k(id text, turns integer, done boolean, conversation_id uuid)
        join conversations c on c.run_id = $2 and c.step_id = k.id
    ), said as (
        insert into messages (conversation_id, sequence, run_id, step_id, agent_id, agent_version,
                              speaker, reason, content, context)
        select k.conversation_id, m.sequence, $1, m.step_id, m.agent_id, m.agent_version, m.speaker,
               m.reason, m.content, m.context
        from messages m
        join kept k on k.before = m.conversation_id and m.sequence <= k.turns
    ), chosen as (
        insert into choices (conversation_id, sequence, choice, tools)
        select k.conversation_id, h.sequence, h.choice, h.tools
        from choices h
        join kept k on k.before = h.conversation_id and h.sequence <= k.turns
    ), written as (
        insert into documents (id, run_id, step_id, name, media_type, content, digest)
        select gen_random_uuid(), $1, d.step_id, d.name, d.media_type, d.content, d.digest
        from documents d
        join kept k on k.id = d.step_id and k.done
        where d.run_id = $2
    ), told as (
        insert into run_events (run_id, sequence, kind, step_id, data)
        select $1, 1 + row_number() over (order by e.sequence), e.kind, e.step_id,
               e.data || jsonb_build_object('kept', true) || case e.kind
                   when 'turn.taken' then jsonb_build_object('conversation_id', k.conversation_id)
                   else '{}' end
        from run_events e
        join kept k on k.id = e.step_id
        where e.run_id = $2
          and (e.kind = 'turn.taken' and (e.data ->> 'turn')::integer <= k.turns
               or e.kind = 'step.succeeded' and k.done)
        returning sequence
    )
    update runs r
    set last_event = t.last
    from (select max(sequence) as last from told) t
    where r.id = $1 and t.last is not null";

pub async fn insert(
    tx: &Tx<'_>,
    caller: &Caller,
    forked: &Forked<'_>,
    kept: &[Kept],
) -> Result<()> {
    let Forked { id, from, at: (step, turn), caps: (tokens, micros), asked: (key, digest) } =
        forked;
    tx.run(INSERT, &[id, from, tokens, micros, key, digest, &caller.user, step, turn]).await?;
    let kept: Value = serde_json::to_value(kept).map_err(|e| Error::Internal(e.into()))?;
    tx.run(INSERT_STEPS, &[id, from, &kept, &caller.user]).await?;
    tx.run(INSERT_TURNS, &[id, from, &kept]).await.map(drop)
}
