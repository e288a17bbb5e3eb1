//! `GET /scim/v2/Schemas`: every attribute that is kept.

use shared::Result;
use shared::http::Scim;

use crate::model::List;
use crate::schema;

#[expect(clippy::unused_async, reason = "every handler is, whether it waits or not")]
pub async fn handle() -> Result<Scim<List>> {
    let shown = schema::shown()?.to_vec();
    let total = i64::try_from(shown.len()).unwrap_or_default();
    Ok(List::new(shown, total, 1))
}
