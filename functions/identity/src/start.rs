//! How a session begins, and how sessions end.

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use shared::auth::revocation::{self, Kind, Mark};
use shared::auth::session::{Cookie, Profile};
use shared::auth::{Identity, session};
use shared::db::Tx;
use shared::{App, Caller, Error, Result, audit};
use uuid::Uuid;

use crate::model::LONGEST_SECONDS;
use crate::queries::{self, NewSession, Over};
use crate::seal::{Seal, random};

/// What a browser is called in the list of sessions.
const LONGEST_AGENT: usize = 200;

/// Puts a session on record and gives the cookie that stands for it.
///
/// `caller`: what the access token proved. `identity`: what the ID token said of the same person.
pub async fn session(
    app: App,
    caller: &Caller,
    identity: &Identity,
    refresh: Option<&str>,
    headers: &HeaderMap,
) -> Result<Cookie> {
    let cookie = Cookie::new(caller.tenant, random()?);
    let id = Uuid::now_v7();
    let seal = |token: &str| {
        let seal = Seal::new(&app.sign_in()?.session_key)?;
        seal.seal(&about(caller.tenant, &cookie), token.as_bytes())
    };
    let now = second(app.auth()?.now())?;
    let until = now + SignedDuration::from_secs(LONGEST_SECONDS);
    let profile = Profile {
        email: identity.email.clone(),
        name: identity.name.clone(),
        organization: identity.organization.clone(),
        roles: identity.roles.clone(),
    };
    let new = NewSession {
        id,
        digest: cookie.digest(),
        user: caller.user,
        sub: &caller.sub,
        org_id: &caller.org_id,
        client: caller.client.clone(),
        admin_client: caller.admin_client,
        permissions: caller.permissions.clone(),
        factors: identity.factors.clone(),
        acr: identity.acr.clone(),
        signed_in: identity.signed_in.map(second).transpose()?,
        profile: serde_json::to_value(profile).map_err(anyhow::Error::from)?,
        refresh: refresh.map(seal).transpose()?,
        agent: agent(headers),
        fresh_until: second(caller.expires)?.min(until),
        until,
    };
    let begun = app.db()?.tenant(caller.tenant, async |tx| {
        audit::record(tx, caller, "session.started", id).await?;
        queries::insert(tx, &new).await
    });
    begun.await?;
    Ok(cookie)
}

/// What a sealed refresh token belongs to.
pub(crate) fn about(tenant: Uuid, cookie: &Cookie) -> Vec<u8> {
    [tenant.as_bytes(), cookie.digest().as_bytes()].concat()
}

fn second(of: i64) -> Result<Timestamp> {
    Timestamp::from_second(of).map_err(|error| Error::Internal(error.into()))
}

fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    agent.unwrap_or("unknown").chars().take(LONGEST_AGENT).collect()
}

/// Ends one session of the caller's; the mark makes every function refuse it from now on.
pub(crate) async fn end_one(
    tx: &Tx<'_>,
    caller: &Caller,
    id: Uuid,
) -> Result<Option<(Over, Mark)>> {
    let ended = queries::end(tx, caller.user, Some(id), "signed out").await?;
    let Some(over) = ended.into_iter().next() else { return Ok(None) };
    audit::record(tx, caller, "session.ended", id).await?;
    let mark = revocation::mark(tx, Kind::Proof, &id.to_string()).await?;
    Ok(Some((over, mark)))
}

/// Ends all of a person's sessions, and takes back every token that was issued to them until now.
pub(crate) async fn end_all(tx: &Tx<'_>, caller: &Caller, why: &str) -> Result<(Vec<Over>, Mark)> {
    audit::record(tx, caller, why, caller.user).await?;
    let over = queries::end(tx, caller.user, None, why).await?;
    Ok((over, revocation::mark(tx, Kind::User, &caller.sub).await?))
}

/// After the commit: nobody goes on with what Redis still knows.
pub(crate) async fn spread(app: App, tenant: Uuid, over: &[Over], marks: &[Mark]) {
    revocation::spread(app, tenant, marks).await;
    for session in over {
        session::forget(app, tenant, &session.digest).await;
    }
}
