//! `GET /v1/session`: who is signed in, and what they may do.

use axum::extract::State;
use axum::http::HeaderMap;
use shared::auth::session::{self, Cookie};
use shared::http::Json;
use shared::{App, Caller, Error, Result};

use crate::model::{WhoAmI, who};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Json<WhoAmI>> {
    who_asks(app, caller, &headers).await.map(Json)
}

pub(crate) async fn who_asks(app: App, caller: Caller, headers: &HeaderMap) -> Result<WhoAmI> {
    let Ok(cookie) = Cookie::of(headers) else { return Ok(by_token(caller)) };
    let session = session::find(app, &cookie).await?.ok_or(Error::InvalidToken)?;
    Ok(who(&session, &caller.permissions, cookie.csrf()))
}

fn by_token(caller: Caller) -> WhoAmI {
    let signed_in = caller.signed_in.and_then(|at| jiff::Timestamp::from_second(at).ok());
    WhoAmI {
        subject: caller.sub,
        email: None,
        name: None,
        organization_id: caller.org_id,
        organization_name: None,
        roles: Vec::new(),
        permissions: caller.permissions,
        factors: caller.factors,
        signed_in_at: signed_in,
        session: None,
    }
}
