//! What those who follow a run read of the record.

use shared::db::Tx;
use shared::{Error, Result};
use uuid::Uuid;

use crate::live::hot::Track;
use crate::live::told::Told;
use crate::model::Event;

const LAST_EVENT: &str = "
    -- runs::last_event
    select last_event from runs where id = $1";

pub async fn last_event(tx: &Tx<'_>, run: Uuid) -> Result<i64> {
    let row = tx.opt(LAST_EVENT, &[&run]).await?.ok_or(Error::NotFound)?;
    Ok(row.try_get("last_event")?)
}

// In one statement, so that both are of one moment.
const STANDS: &str = "
    -- runs::stands
    select r.last_event, s.ordinal, s.id, s.turns
    from runs r
    join steps s on s.run_id = r.id
    where r.id = $1
    order by s.ordinal";

/// The run's last event, and its steps by their place, each with its turns on record.
pub async fn stands(tx: &Tx<'_>, run: Uuid) -> Result<(i64, Vec<(i32, Track)>)> {
    let rows = tx.all(STANDS, &[&run]).await?;
    let last = rows.first().ok_or(Error::NotFound)?.try_get("last_event")?;
    let steps = rows.iter().map(|row| {
        let track = Track { id: row.try_get("id")?, done: row.try_get("turns")?, hot: None };
        Ok((row.try_get("ordinal")?, track))
    });
    Ok((last, steps.collect::<Result<_>>()?))
}

const TOLD: &str = "
    -- runs::told
    select e.sequence, e.kind, e.step_id, e.data, e.at, s.ordinal, m.content
    from run_events e
    left join steps s on s.run_id = e.run_id and s.id = e.step_id
    left join messages m on e.kind = 'turn.taken'
        and m.conversation_id = (e.data ->> 'conversation_id')::uuid
        and m.sequence = (e.data ->> 'turn')::integer
    where e.run_id = $1 and e.sequence > $2
    order by e.sequence
    limit $3";

/// The events after that one, in their order; turns with what was said.
pub async fn told(tx: &Tx<'_>, run: Uuid, after: i64, most: i64) -> Result<Vec<Told>> {
    let rows = tx.all(TOLD, &[&run, &after, &most]).await?;
    let told = rows.iter().map(|row| {
        let event = Event {
            sequence: row.try_get("sequence")?,
            kind: row.try_get("kind")?,
            step_id: row.try_get("step_id")?,
            data: row.try_get("data")?,
            at: row.try_get("at")?,
        };
        Ok(Told { event, place: row.try_get("ordinal")?, text: row.try_get("content")? })
    });
    told.collect()
}
