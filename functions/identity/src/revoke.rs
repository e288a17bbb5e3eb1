//! `POST /v1/sessions/{id}/revoke`: sign out there.

use axum::extract::State;
use shared::http::{FormOr, Path};
use shared::{App, Caller, Error, Result};
use uuid::Uuid;

use crate::model::Ended;
use crate::{account, start};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    form: FormOr,
) -> Result<shared::http::Done<Ended>> {
    let ended = app.db()?.tenant(caller.tenant, async |tx| start::end_one(tx, &caller, id).await);
    let (over, mark) = ended.await?.ok_or(Error::NotFound)?;
    start::spread(app, caller.tenant, &[over], &[mark]).await;
    Ok(form.done(Ended { sessions: 1 }, account::PATH))
}
