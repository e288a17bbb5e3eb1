//! The one SQL statement of the platform: it sees no tenant's rows.

use shared::Result;
use shared::db::Tx;

const PING: &str = "
    -- platform::ping
    select 1 as one";

/// Whether the database answers.
pub async fn ping(tx: &Tx<'_>) -> Result<()> {
    tx.one(PING, &[]).await.map(drop)
}
