//! `PUT /v1/spend/caps`: how much an account may spend, from the next call on.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::Json;
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::account::{self, Kind, View};
use crate::model::{Caps, MOST};
use crate::store::Spend;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSpendCaps")]
pub struct NewCaps {
    /// `day` is every day of the organization, by UTC.
    scope: Kind,
    /// Of the run, the agent or the user; absent for the organization and its days.
    id: Option<Uuid>,
    /// Prompts and answers together; no cap when absent.
    tokens: Option<i64>,
    /// Millionths of a US dollar; no cap when absent. Calls without a known price cost nothing here.
    micros: Option<i64>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewCaps>,
) -> Result<Json<View>> {
    let caps = Caps { tokens: new.tokens, micros: new.micros };
    if !caps.is_valid() {
        return Err(Error::Invalid(format!("a cap is a number from 0 to {MOST}, or absent")));
    }
    let spend = Spend::reading(app.dynamo()?);
    let capped = app.db()?.tenant(caller.tenant, async |tx| {
        let owner = account::find(tx, new.scope, new.id).await?;
        audit::record(tx, &caller, "spend.capped", owner.id().unwrap_or(caller.tenant)).await?;
        spend.cap(caller.tenant, &owner.scope, caps).await?;
        Ok(owner)
    });
    Ok(Json(account::view(&spend, &caller, capped.await?).await?))
}
