//! Waiting for a person to name who speaks next.

use shared::db::Tx;
use shared::{Error, Result};
use uuid::Uuid;

pub struct Waiting {
    pub candidates: Vec<String>,
    /// Who was named already.
    pub member: Option<String>,
}

/// A conversation, a turn of it, and the room within.
type Place<'a> = (Uuid, i32, &'a str);

const OPEN: &str = "
    -- runs::open_wait
    select w.candidates, w.member
    from conversations c
    join runs r on r.id = c.run_id
    join steps s on s.run_id = c.run_id and s.id = c.step_id
    left join waits w on w.conversation_id = c.id and w.turn = $2 and w.path = $3
        and w.turn = s.turns + 1 and w.until > now() and r.state = 'running'
    where c.id = $1";

/// `NotFound` when there is no such conversation, `None` when it does not wait.
pub async fn open(tx: &Tx<'_>, (id, turn, path): Place<'_>) -> Result<Option<Waiting>> {
    let row = tx.opt(OPEN, &[&id, &turn, &path]).await?.ok_or(Error::NotFound)?;
    let candidates: Option<Vec<String>> = row.try_get("candidates")?;
    let member = row.try_get("member")?;
    Ok(candidates.map(|candidates| Waiting { candidates, member }))
}

const NAME: &str = "
    -- runs::name_speaker
    update waits set member = $4, named_by = $5
    where conversation_id = $1 and turn = $2 and path = $3 and member is null";

/// False when somebody was named before.
pub async fn name(
    tx: &Tx<'_>,
    (id, turn, path): Place<'_>,
    member: &str,
    by: Uuid,
) -> Result<bool> {
    Ok(tx.run(NAME, &[&id, &turn, &path, &member, &by]).await? == 1)
}
