//! `GET /v1/context`: the entries of one layer, newest first, or those that answer a question.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::{Entry, Layer};
use crate::{place, queries};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// How many items, 1 to 100; 20 when absent.
    limit: Option<u32>,
    /// The `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// `tenant`, `workflow`, `user` or `session`; your own, `user`, when absent.
    layer: Option<Layer>,
    /// The workflow, the run or the conversation.
    owner: Option<Uuid>,
    /// The best answers to this, in English and Dutch by the stems of words, best first, and no
    /// further page.
    q: Option<String>,
}

/// Bytes of a question.
const LONGEST: usize = 2_000;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Entry>>> {
    let Filter { limit, cursor, layer, owner, q } = filter;
    if q.as_ref().is_some_and(|q| q.len() > LONGEST || q.contains('\0') || cursor.is_some()) {
        let rule = format!("q may have {LONGEST} bytes, and goes without cursor");
        return Err(Error::Invalid(rule));
    }
    let window = PageQuery::new(limit, cursor).by_id()?;
    let found = app.db()?.tenant(caller.tenant, async |tx| {
        let place = place::find(tx, &caller, layer.unwrap_or(Layer::User), owner).await?;
        let place = place.seen_by(&caller)?;
        match &q {
            Some(q) => queries::search(tx, caller.tenant, place, q, window).await,
            None => queries::list(tx, place, window).await,
        }
    });
    let mut page = window.page(found.await?, |entry| entry.id);
    if q.is_some() {
        page.next = None;
    }
    Ok(Json(page))
}
