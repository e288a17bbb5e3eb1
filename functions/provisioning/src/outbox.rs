//! What the issuer still has to be told: one row for each person, however often they change.

use shared::Result;
use shared::db::Tx;
use uuid::Uuid;

use crate::queries;

/// In the transaction of the change. Groups are ours alone: the issuer is not told of them.
pub async fn user_changed(tx: &Tx<'_>, is_user: bool, id: Uuid) -> Result<()> {
    if is_user { queries::push_wanted(tx, id).await } else { Ok(()) }
}
