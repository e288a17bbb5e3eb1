//! A run's conversations as they are on record, with all that their decisions were made from.

use serde_json::Value;
use shared::db::Tx;
use shared::{Error, Result};
use uuid::Uuid;

use super::turns::json;
use crate::model::{History, Member, PinnedStep, Text};

pub struct Recorded {
    pub id: String,
    pub kind: String,
    pub turns: i32,
    /// Taken over from another run.
    pub kept: i32,
    pub conversation_id: Uuid,
    pub pinned: PinnedStep,
    pub cast: Vec<Member>,
    pub transcript: Vec<Text>,
    /// Of a room that has begun.
    pub history: Option<History>,
    /// How each speaker was chosen, as it was written; null where that was not kept.
    pub choices: Vec<Value>,
}

// What `claim_room_turn` reads of a room, for all of them.
const ON_RECORD: &str = "
    -- runs::on_record
    select s.id, s.kind, s.turns, s.definition, s.cast_pinned, s.started_at, c.id as conversation_id,
           (select count(*)::integer from run_events e
            where e.run_id = s.run_id and e.step_id = s.id and e.kind = 'turn.taken'
              and e.data ? 'kept') as kept,
           t.transcript, t.history, t.choices
    from runs r
    join steps s on s.run_id = r.id
    join conversations c on c.run_id = s.run_id and c.step_id = s.id
    cross join lateral (
        select coalesce(jsonb_agg(jsonb_build_object('name', m.speaker, 'content', m.content)
                                  order by m.sequence), '[]') as transcript,
               coalesce(jsonb_agg(jsonb_build_object(
                   'agent_id', m.agent_id, 'at', m.created_at,
                   'tokens', coalesce(u.input_tokens + u.output_tokens, 0),
                   'micros', coalesce(u.cost_micros, 0),
                   'choice', h.choice, 'tools', coalesce(h.tools, '{}'))
                   order by m.sequence), '[]') as history,
               coalesce(jsonb_agg(h.choice order by m.sequence), '[]') as choices
        from messages m
        left join usage u on u.run_id = m.run_id and u.step_id = m.step_id
            and u.turn = m.sequence and not u.wasted
        left join choices h on h.conversation_id = m.conversation_id and h.sequence = m.sequence
        where s.kind = 'room' and m.conversation_id = c.id
    ) t
    where r.id = $1
    order by s.ordinal";

pub async fn on_record(tx: &Tx<'_>, run: Uuid) -> Result<Vec<Recorded>> {
    let rows = tx.all(ON_RECORD, &[&run]).await?;
    if rows.is_empty() {
        return Err(Error::NotFound);
    }
    let steps = rows.iter().map(|row| {
        let began: Option<jiff::Timestamp> = row.try_get("started_at")?;
        let history = match began {
            // Nothing is decided now, and so nobody looks at the time, or at who was named for it.
            Some(began) => {
                Some(History { began, now: began, turns: json(row, "history")?, named: vec![] })
            }
            None => None,
        };
        Ok(Recorded {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            turns: row.try_get("turns")?,
            kept: row.try_get("kept")?,
            conversation_id: row.try_get("conversation_id")?,
            pinned: json(row, "definition")?,
            cast: json(row, "cast_pinned")?,
            transcript: json(row, "transcript")?,
            history,
            choices: json(row, "choices")?,
        })
    });
    steps.collect()
}
