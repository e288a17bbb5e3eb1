//! `PUT /v1/spend/switch`: no call begins any more on this account; or calls may begin again.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::Json;
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::account::{self, Kind, View};
use crate::store::Spend;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SpendSwitch")]
pub struct Switch {
    /// `run`, `agent`, `user` or `tenant`.
    scope: Kind,
    /// Of the run, the agent or the user; absent for the organization.
    id: Option<Uuid>,
    /// Why: from now on no call begins, and within two seconds none does that was about to. Null: on
    /// again.
    off: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Json(switch): Json<Switch>,
) -> Result<Json<View>> {
    if switch.scope == Kind::Day {
        return Err(Error::Invalid("a day has no switch: switch the tenant off".into()));
    }
    let off = switch.off.as_deref();
    off.map(account::check_reason).transpose()?;
    let spend = Spend::reading(app.dynamo()?);
    let action = if off.is_some() { "spend.stopped" } else { "spend.resumed" };
    let switched = app.db()?.tenant(caller.tenant, async |tx| {
        let owner = account::find(tx, switch.scope, switch.id).await?;
        audit::record(tx, &caller, action, owner.id().unwrap_or(caller.tenant)).await?;
        spend.switch(caller.tenant, &owner.scope, off).await?;
        Ok(owner)
    });
    Ok(Json(account::view(&spend, &caller, switched.await?).await?))
}
