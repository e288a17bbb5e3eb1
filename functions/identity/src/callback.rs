//! `GET /auth/callback`: what the issuer answered becomes a session, if it is this browser's answer.

use axum::extract::State;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::auth::Identity;
use shared::auth::session::Cookie;
use shared::config::SignIn;
use shared::http::{Query, SeeOther};
use shared::{App, Caller, Error, Result};

use crate::flow::Flow;
use crate::issuer::{self, Answer, Tokens};
use crate::model::{LONGEST_SECONDS, LocalPath};
use crate::seal::Seal;
use crate::{queries, start};

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Callback {
    /// To be exchanged once.
    code: Option<String>,
    /// What this browser was sent away with.
    state: Option<String>,
    /// Who answers (RFC 9207).
    iss: Option<String>,
    /// Why nobody was signed in.
    error: Option<String>,
}

pub async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    Query(callback): Query<Callback>,
) -> Result<SeeOther> {
    let settings = app.sign_in()?;
    let flow = Flow::of(&headers, &Seal::new(&settings.session_key)?, app.auth()?.now());
    let flow = flow.ok_or_else(|| refused("this browser began no sign-in, or too long ago"))?;
    let code = check(&callback, &flow, settings)?;
    let Answer::Given(tokens) = issuer::exchange(settings, code, &flow.verifier).await? else {
        return Err(refused("the code is worth nothing"));
    };
    let (caller, identity) = people(app, settings, &flow, &tokens).await?;
    if is_before_sign_out(app, &caller, &identity).await? {
        return again(flow.return_to);
    }
    let refresh = tokens.refresh.as_deref();
    let cookie = start::session(app, &caller, &identity, refresh, &headers).await?;
    // Who signs in again in one browser has one session there, not two.
    if let Ok(old) = Cookie::of(&headers) {
        replace(app, &caller, &old).await?;
    }
    let cookies = vec![cookie.header(LONGEST_SECONDS), Flow::gone()];
    Ok(SeeOther { to: flow.return_to.into(), cookies })
}

/// The code, if the answer is to what this browser asked, and of the issuer that it asked.
fn check<'a>(callback: &'a Callback, flow: &Flow, settings: &SignIn) -> Result<&'a str> {
    if callback.state.as_deref() != Some(flow.state.as_str()) {
        return Err(refused("its state is not what this browser was sent away with"));
    }
    if callback.iss.as_deref() != Some(settings.issuer.as_str()) {
        return Err(refused("another issuer answered, or none said who it is"));
    }
    if callback.error.is_some() {
        return Err(refused("the issuer signed nobody in"));
    }
    callback.code.as_deref().ok_or_else(|| refused("there is no code"))
}

/// Who signed in, as both tokens say it.
async fn people(
    app: App,
    settings: &SignIn,
    flow: &Flow,
    tokens: &Tokens,
) -> Result<(Caller, Identity)> {
    let wrong = |why| {
        move |error| match error {
            Error::Unavailable(_) => error,
            _ => refused(why),
        }
    };
    let verifier = app.auth()?;
    let caller = verifier.caller(&tokens.access).await;
    let caller = caller.map_err(wrong("the access token is not for this API"))?;
    let id_token = tokens.identity.as_deref().ok_or_else(|| refused("there is no ID token"))?;
    let identity = verifier.identity(id_token, &settings.client_id, &flow.nonce).await;
    let identity = identity.map_err(wrong("the ID token is not for this sign-in"))?;
    let same = identity.org_id.as_ref().is_none_or(|org| *org == caller.org_id);
    if identity.sub != caller.sub || !same {
        return Err(refused("the two tokens are of two people"));
    }
    Ok((caller, identity))
}

/// Signed out everywhere is signed out at the issuer too: its session, begun before, is not enough.
async fn is_before_sign_out(app: App, caller: &Caller, identity: &Identity) -> Result<bool> {
    let signed_out =
        app.db()?.tenant(caller.tenant, async |tx| queries::signed_out_at(tx, &caller.sub).await);
    Ok(signed_out.await?.is_some_and(|out| identity.signed_in.is_none_or(|at| at < out)))
}

/// Back to the issuer, who shall ask for the password whoever is known there.
fn again(return_to: LocalPath) -> Result<SeeOther> {
    let query = [("return_to", String::from(return_to)), ("max_age", "0".into())];
    let query = serde_urlencoded::to_string(query).map_err(anyhow::Error::from)?;
    Ok(SeeOther { to: format!("/auth/login?{query}"), cookies: vec![Flow::gone()] })
}

async fn replace(app: App, caller: &Caller, old: &Cookie) -> Result<()> {
    let Some(session) = shared::auth::session::find(app, old).await? else { return Ok(()) };
    if session.tenant != caller.tenant || session.user != caller.user {
        return Ok(());
    }
    let ended = app.db()?.tenant(caller.tenant, async |tx| {
        queries::end(tx, caller.user, Some(session.id), "signed in again").await
    });
    start::spread(app, caller.tenant, &ended.await?, &[]).await;
    Ok(())
}

fn refused(why: &str) -> Error {
    let detail = format!("not signed in: {why}; begin again at /auth/login");
    Error::Refused { code: "sign-in-refused", detail }
}
