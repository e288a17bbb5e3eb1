//! `POST /v1/sessions/revoke`: sign out everywhere: every session ends, and every token issued until now.

use axum::extract::State;
use shared::http::{Done, FormOr};
use shared::{App, Caller, Result};

use crate::model::Ended;
use crate::{issuer, start};

pub async fn handle(State(app): State<App>, caller: Caller, form: FormOr) -> Result<Done<Ended>> {
    let ended = app.db()?.tenant(caller.tenant, async |tx| {
        start::end_all(tx, &caller, "session.ended_everywhere").await
    });
    let (over, mark) = ended.await?;
    start::spread(app, caller.tenant, &over, &[mark]).await;
    let sessions = u64::try_from(over.len()).unwrap_or(u64::MAX);
    // Out at the issuer too: it would sign this browser in again without asking.
    Ok(form.done(Ended { sessions }, &issuer::farewell(app.sign_in()?)?))
}
