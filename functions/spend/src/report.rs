//! `GET /v1/spend`: what was used, what is held and what may be, by account.

use axum::extract::State;
use jiff::ToSpan;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Json, Query};
use shared::page::{Page, PageQuery};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::account::{self, Kind, Owner, View};
use crate::model::Scope;
use crate::queries;
use crate::store::{Spend, day, now};

/// Days that a report by days goes back.
const DAYS: i64 = 31;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// How many items, 1 to 100; 20 when absent. Of the organization and of days all are told.
    limit: Option<u32>,
    /// The `next` of the page before; the first page when absent.
    cursor: Option<String>,
    /// `run`, `agent`, `user`, `tenant` (the organization) or `day` (the last 31, newest first); the
    /// organization and today when absent.
    scope: Option<Kind>,
    /// Only this run, agent or user.
    id: Option<Uuid>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<View>>> {
    let Filter { limit, cursor, scope, id } = filter;
    let spend = Spend::reading(app.dynamo()?);
    let today = day(now())?;
    let paged = matches!(scope, Some(Kind::Run | Kind::Agent | Kind::User)) && id.is_none();
    if cursor.is_some() && !paged {
        return Err(Error::Invalid("this list has one page: leave cursor out".into()));
    }
    let window = PageQuery::new(limit, cursor).by_id()?;
    let owners = match (scope, id) {
        (None, None) => vec![Owner::of(Scope::Tenant), Owner::of(Scope::Day(today))],
        (Some(Kind::Day), None) => (0..DAYS)
            .filter_map(|back| today.checked_sub(back.days()).ok())
            .map(|day| Owner::of(Scope::Day(day)))
            .collect(),
        (None, Some(_)) => {
            return Err(Error::Invalid("id needs scope: run, agent or user".into()));
        }
        (Some(kind), _) => {
            let found = app.db()?.tenant(caller.tenant, async |tx| {
                if paged {
                    return queries::owners(tx, kind, window).await;
                }
                account::find(tx, kind, id).await.map(|owner| vec![owner])
            });
            found.await?
        }
    };
    let page = if paged {
        window.page(owners, |owner| owner.id().unwrap_or_default())
    } else {
        Page { items: owners, next: None }
    };
    let items = account::views(&spend, caller.tenant, page.items).await?;
    Ok(Json(Page { items, next: page.next }))
}
