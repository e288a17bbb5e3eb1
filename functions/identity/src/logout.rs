//! `POST /auth/logout`: sign out here, and at the issuer.

use axum::extract::State;
use axum::http::HeaderMap;
use shared::auth::session::{self, Cookie};
use shared::config::SignIn;
use shared::http::SeeOther;
use shared::{App, Caller, Error, Result};

use crate::seal::Seal;
use crate::{issuer, start};

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<SeeOther> {
    let settings = app.sign_in()?;
    // A caller by token has no session to end.
    if let Ok(cookie) = Cookie::of(&headers) {
        end(app, settings, &caller, &cookie).await?;
    }
    Ok(SeeOther { to: issuer::farewell(settings)?, cookies: vec![Cookie::gone()] })
}

async fn end(app: App, settings: &SignIn, caller: &Caller, cookie: &Cookie) -> Result<()> {
    let session = session::find(app, cookie).await?.ok_or(Error::InvalidToken)?;
    let ended =
        app.db()?.tenant(caller.tenant, async |tx| start::end_one(tx, caller, session.id).await);
    let Some((over, mark)) = ended.await? else { return Ok(()) };
    let about = start::about(caller.tenant, cookie);
    let seal = Seal::new(&settings.session_key)?;
    let token = over.refresh.as_deref().and_then(|sealed| seal.open(&about, sealed));
    start::spread(app, caller.tenant, &[over], &[mark]).await;
    if let Some(token) = token.and_then(|token| String::from_utf8(token).ok()) {
        issuer::revoke(settings, &token).await;
    }
    Ok(())
}
