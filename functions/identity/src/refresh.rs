//! `POST /auth/refresh`: the session goes on, with what the issuer lets the person do now.

use axum::extract::State;
use axum::http::HeaderMap;
use jiff::Timestamp;
use shared::auth::session::{self, Cookie, Session};
use shared::http::Json;
use shared::{App, Caller, Error, Result};

use crate::issuer::{self, Answer, Tokens};
use crate::model::{WhoAmI, who};
use crate::seal::Seal;
use crate::{queries, start};

/// Open in the table, because the session may be stale, which the guard refuses: it proves itself
/// here, by the cookie and by the token of our page.
pub async fn handle(State(app): State<App>, headers: HeaderMap) -> Result<Json<WhoAmI>> {
    let cookie = Cookie::of(&headers)?;
    let session = session::find(app, &cookie).await?.ok_or(Error::InvalidToken)?;
    cookie.prove(&headers)?;
    let digest = cookie.digest();
    let lease = app.db()?.tenant(cookie.tenant, async |tx| queries::lease(tx, &digest).await);
    let busy = "this session is being refreshed, or cannot be: ask for it again in a moment";
    let sealed = lease.await?.ok_or_else(|| Error::Conflict(busy.into()))?;
    let settings = app.sign_in()?;
    let token =
        Seal::new(&settings.session_key)?.open(&start::about(cookie.tenant, &cookie), &sealed);
    let token = token.and_then(|token| String::from_utf8(token).ok()).ok_or(Error::InvalidToken)?;
    match issuer::refresh(settings, &token).await {
        Ok(Answer::Given(tokens)) => renew(app, &cookie, &session, &token, &tokens).await,
        Ok(Answer::Refused) => stolen(app, &session.caller()).await,
        Err(error) => {
            let release =
                app.db()?.tenant(cookie.tenant, async |tx| queries::release(tx, &digest).await);
            release.await?;
            Err(error)
        }
    }
}

async fn renew(
    app: App,
    cookie: &Cookie,
    session: &Session,
    old: &str,
    tokens: &Tokens,
) -> Result<Json<WhoAmI>> {
    let caller = app.auth()?.caller(&tokens.access).await?;
    if caller.sub != session.sub || caller.tenant != session.tenant {
        return Err(Error::InvalidToken);
    }
    let token = tokens.refresh.as_deref().unwrap_or(old);
    let seal = Seal::new(&app.sign_in()?.session_key)?;
    let sealed = seal.seal(&start::about(cookie.tenant, cookie), token.as_bytes())?;
    let fresh = Timestamp::from_second(caller.expires).map_err(anyhow::Error::from)?;
    let digest = cookie.digest();
    let renewed = app.db()?.tenant(cookie.tenant, async |tx| {
        queries::renew(tx, &digest, &sealed, &caller.permissions, fresh).await
    });
    if !renewed.await? {
        return Err(Error::InvalidToken);
    }
    session::forget(app, cookie.tenant, &digest).await;
    let session = session::find(app, cookie).await?.ok_or(Error::InvalidToken)?;
    Ok(Json(who(&session, &session.caller().permissions, cookie.csrf())))
}

/// The token was ours alone and not used up, and yet it is worth nothing: somebody else used it, or
/// the person was shut out. Either way nothing of theirs goes on.
async fn stolen(app: App, caller: &Caller) -> Result<Json<WhoAmI>> {
    let ended = app.db()?.tenant(caller.tenant, async |tx| {
        start::end_all(tx, caller, "session.refresh_refused").await
    });
    let (over, mark) = ended.await?;
    tracing::warn!(sessions = over.len(), "a refresh token was refused: signed out everywhere");
    start::spread(app, caller.tenant, &over, &[mark]).await;
    Err(Error::InvalidToken)
}
