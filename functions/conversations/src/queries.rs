//! Every SQL statement about conversations. The transaction sees one tenant only.

use rooms::{Chosen, Mark, Said};
use serde_json::Value;
use shared::db::Tx;
use shared::page::Window;
use shared::{Error, Result};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::model::{Conversation, Message, Usage};

const OF_RUN: &str = "
    -- conversations::of_run
    select c.id, c.run_id, c.step_id, c.kind, c.title, c.created_at
    from runs r
    left join conversations c on c.run_id = r.id and ($2::uuid is null or c.id > $2)
    where r.id = $1
    order by c.id
    limit $3";

/// In the order of the workflow's steps; `NotFound` when there is no such run.
pub async fn of_run(tx: &Tx<'_>, run: Uuid, window: Window<Uuid>) -> Result<Vec<Conversation>> {
    let rows = tx.all(OF_RUN, &[&run, &window.after, &window.rows()]).await?;
    let first = rows.first().ok_or(Error::NotFound)?;
    if first.try_get::<_, Option<Uuid>>("id")?.is_none() {
        return Ok(Vec::new());
    }
    rows.iter().map(conversation).collect()
}

const EXISTS: &str = "
    -- conversations::exists
    select 1 as one from conversations where id = $1";

const MESSAGES: &str = "
    -- conversations::messages
    select m.sequence, m.agent_id, m.agent_version, m.speaker, m.reason, m.content, m.context,
           m.created_at, h.choice, u.provider, u.model, u.input_tokens, u.output_tokens, u.estimated,
           u.cost_micros, u.calls, u.duration_ms
    from messages m
    join usage u on u.run_id = m.run_id and u.step_id = m.step_id and u.turn = m.sequence
        and not u.wasted
    left join choices h on h.conversation_id = m.conversation_id and h.sequence = m.sequence
    where m.conversation_id = $1 and ($2::bigint is null or m.sequence > $2)
    order by m.sequence
    limit $3";

pub async fn messages(tx: &Tx<'_>, id: Uuid, window: Window<i64>) -> Result<Vec<Message>> {
    tx.opt(EXISTS, &[&id]).await?.ok_or(Error::NotFound)?;
    let rows = tx.all(MESSAGES, &[&id, &window.after, &window.rows()]).await?;
    rows.iter().map(message).collect()
}

const WHOLE: &str = "
    -- conversations::whole
    select m.speaker, m.content, m.created_at, h.choice, h.tools,
           u.input_tokens::bigint + u.output_tokens as tokens, u.cost_micros,
           coalesce((s.definition #>> '{step,room,first_takes}')::boolean, false) as first_takes
    from messages m
    join usage u on u.run_id = m.run_id and u.step_id = m.step_id and u.turn = m.sequence
        and not u.wasted
    join steps s on s.run_id = m.run_id and s.id = m.step_id
    left join choices h on h.conversation_id = m.conversation_id and h.sequence = m.sequence
    where m.conversation_id = $1
    order by m.sequence";

/// Everything that was said, and whether first takes were written without seeing the others.
pub async fn whole(tx: &Tx<'_>, id: Uuid) -> Result<(Vec<Said>, bool)> {
    tx.opt(EXISTS, &[&id]).await?.ok_or(Error::NotFound)?;
    let rows = tx.all(WHOLE, &[&id]).await?;
    let first_takes = rows.first().map(|row| row.try_get("first_takes")).transpose()?;
    let said: Result<Vec<_>> = rows.iter().map(said).collect();
    Ok((said?, first_takes.unwrap_or(false)))
}

fn said(row: &Row) -> Result<Said> {
    let at = row.try_get("created_at")?;
    let speaker: String = row.try_get("speaker")?;
    let choice: Option<Value> = row.try_get("choice")?;
    let kept = choice.map(serde_json::from_value::<Chosen>).transpose();
    let kept = kept.map_err(|e| Error::Internal(e.into()))?;
    let (member, mark) = if let Some(Chosen { member, mark }) = kept {
        (member, mark)
    } else {
        let (path, answers) = (String::new(), Vec::new());
        (speaker, Mark { path, closing: false, answers, decided_at: at })
    };
    let tokens: i64 = row.try_get("tokens")?;
    Ok(Said {
        member,
        text: row.try_get("content")?,
        tools: row.try_get::<_, Option<_>>("tools")?.unwrap_or_default(),
        tokens: u64::try_from(tokens).unwrap_or_default(),
        micros: row.try_get::<_, Option<i64>>("cost_micros")?.unwrap_or_default(),
        at,
        mark,
    })
}

fn conversation(row: &Row) -> Result<Conversation> {
    Ok(Conversation {
        id: row.try_get("id")?,
        run_id: row.try_get("run_id")?,
        step_id: row.try_get("step_id")?,
        kind: row.try_get("kind")?,
        title: row.try_get("title")?,
        created_at: row.try_get("created_at")?,
    })
}

fn message(row: &Row) -> Result<Message> {
    Ok(Message {
        sequence: row.try_get("sequence")?,
        agent_id: row.try_get("agent_id")?,
        agent_version: row.try_get("agent_version")?,
        speaker: row.try_get("speaker")?,
        reason: row.try_get("reason")?,
        content: row.try_get("content")?,
        context: row.try_get("context")?,
        selection: row.try_get("choice")?,
        created_at: row.try_get("created_at")?,
        usage: Usage {
            provider: row.try_get("provider")?,
            model: row.try_get("model")?,
            input_tokens: row.try_get("input_tokens")?,
            output_tokens: row.try_get("output_tokens")?,
            estimated: row.try_get("estimated")?,
            cost_micros: row.try_get("cost_micros")?,
            calls: row.try_get("calls")?,
            duration_ms: row.try_get("duration_ms")?,
        },
    })
}
