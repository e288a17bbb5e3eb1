//! What two runs are compared by.

use std::collections::BTreeMap;

use shared::Result;
use shared::db::Tx;
use uuid::Uuid;

use crate::diff::Said;

/// By step, the digest of each of its turns, in their order.
pub type Turns = BTreeMap<String, Vec<String>>;

// As JSON, so that no text can pass for another by what stands between them.
const TURNS: &str = "
    -- runs::turn_digests
    select m.step_id, encode(sha256(convert_to(jsonb_build_array(
               m.agent_id, m.agent_version, m.reason, m.content)::text, 'utf8')), 'hex') as digest
    from conversations c
    join messages m on m.conversation_id = c.id
    where c.run_id = $1
    order by m.step_id, m.sequence";

pub async fn turns(tx: &Tx<'_>, run: Uuid) -> Result<Turns> {
    let mut turns = Turns::new();
    for row in tx.all(TURNS, &[&run]).await? {
        turns.entry(row.try_get("step_id")?).or_default().push(row.try_get("digest")?);
    }
    Ok(turns)
}

const SAID: &str = "
    -- runs::said
    select m.speaker, m.agent_version, m.reason, m.content
    from conversations c
    join messages m on m.conversation_id = c.id
    where c.run_id = $1 and c.step_id = $2 and m.sequence = $3";

pub async fn said(tx: &Tx<'_>, run: Uuid, step: &str, turn: i32) -> Result<Option<Said>> {
    let Some(row) = tx.opt(SAID, &[&run, &step, &turn]).await? else { return Ok(None) };
    Ok(Some(Said {
        speaker: row.try_get("speaker")?,
        agent_version: row.try_get("agent_version")?,
        reason: row.try_get("reason")?,
        content: row.try_get("content")?,
    }))
}
