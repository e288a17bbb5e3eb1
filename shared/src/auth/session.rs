//! Callers by a browser's session.
//!
//! The cookie holds the tenant and 256 random bits; the record knows their digest only. What is
//! known of a session lies in Redis for a minute, and in Postgres behind it: Redis may be flushed.
//! What changes something must come from our own page: `SameSite=Lax` keeps other sites' forms
//! from carrying the cookie, `Origin` must be the host that is called, and a token that only our
//! pages know must come along.

use std::time::Duration;

use axum::http::{HeaderMap, Method, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Caller, Kind, credential};
use crate::db::Tx;
use crate::redis::Key;
use crate::{App, Error, Result, digest};

/// `__Host-`: only over TLS (or to the machine itself), for this host and all of its paths.
pub const COOKIE: &str = "__Host-session";
/// The header in which scripts send the token of their page; forms have a field for it.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// How long Redis's word is taken. What is signed out has a mark, which counts at once.
const KNOWN: Duration = Duration::from_mins(1);
/// What everybody may do who came by a session: see and end what is their own.
pub const OWN: [&str; 2] = ["account:read", "account:write"];

/// A session as the record has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    pub id: Uuid,
    pub tenant: Uuid,
    pub user: Uuid,
    pub sub: String,
    pub org_id: String,
    pub client: Option<String>,
    pub admin_client: bool,
    pub permissions: Vec<String>,
    pub factors: Vec<String>,
    pub acr: Option<String>,
    /// When the person last showed who they are.
    pub signed_in: Option<Timestamp>,
    pub started: Timestamp,
    /// Until then the permissions are taken to be right; after that it must be refreshed.
    pub fresh_until: Timestamp,
    pub until: Timestamp,
    pub profile: Profile,
}

/// What the ID token said, for the account page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    pub email: Option<String>,
    pub name: Option<String>,
    pub organization: Option<String>,
    #[serde(default)]
    pub roles: Vec<String>,
}

/// What the cookie says.
#[derive(Clone)]
pub struct Cookie {
    pub tenant: Uuid,
    secret: String,
}

impl Cookie {
    /// For a session that begins.
    pub fn new(tenant: Uuid, random: [u8; 32]) -> Self {
        Self { tenant, secret: BASE64_URL_SAFE_NO_PAD.encode(random) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (tenant, secret) = text.split_once('.')?;
        let tenant = Uuid::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(tenant).ok()?).ok()?;
        let random = BASE64_URL_SAFE_NO_PAD.decode(secret).ok()?;
        (random.len() == 32).then(|| Self { tenant, secret: secret.to_owned() })
    }

    /// Of a request that carries a session and nothing else.
    pub fn of(headers: &HeaderMap) -> Result<Self> {
        match credential::of(headers)? {
            credential::Credential::Session(text) => Self::parse(text).ok_or(Error::InvalidToken),
            _ => Err(Error::Unauthenticated),
        }
    }

    /// What the browser is told to keep. `Lax`, not `Strict`: whoever follows a link to us from a
    /// mail, or comes back from the sign-in, is signed in.
    pub fn header(&self, seconds: i64) -> String {
        let tenant = BASE64_URL_SAFE_NO_PAD.encode(self.tenant.as_bytes());
        let attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
        format!("{COOKIE}={tenant}.{}; {attributes}; Max-Age={seconds}", self.secret)
    }

    /// What the browser is told to forget.
    pub fn gone() -> String {
        format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    /// What the record knows it by.
    pub fn digest(&self) -> String {
        digest::sha256(self.secret.as_bytes())
    }

    /// The token of this session's pages: whoever can read the page can compute it, and nobody who
    /// cannot read the cookie can.
    pub fn csrf(&self) -> String {
        digest::sha256(format!("csrf:{}", self.secret).as_bytes())
    }

    fn key(&self) -> Key {
        Key::tenant(self.tenant).key("session", &[&self.digest()])
    }

    /// That a request which changes something was sent by our own page.
    pub fn prove(&self, headers: &HeaderMap) -> Result<()> {
        let forged =
            |why: &str| Error::Forbidden(format!("this did not come from our page: {why}"));
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
            return Err(forged("another site sent it"));
        }
        let (origin, host) = (text(header::ORIGIN.as_str()), text(header::HOST.as_str()));
        let from = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
        if host.is_none() || !from.zip(host).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)) {
            return Err(forged("its `Origin` is not this host"));
        }
        let token = text(CSRF_HEADER).unwrap_or_default();
        // Of digests, so that the time it takes says nothing.
        if digest::sha256(token.as_bytes()) != digest::sha256(self.csrf().as_bytes()) {
            return Err(forged("send the page's token as `X-CSRF-Token`"));
        }
        Ok(())
    }
}

/// The caller whose session this is; what changes something must prove that our page sent it.
pub(super) async fn caller(
    app: App,
    cookie: &str,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Caller> {
    let cookie = Cookie::parse(cookie).ok_or(Error::InvalidToken)?;
    let session = find(app, &cookie).await?.ok_or(Error::InvalidToken)?;
    if !method.is_safe() {
        cookie.prove(headers)?;
    }
    if session.fresh_until.as_second() <= app.auth()?.now() {
        return Err(Error::InvalidToken);
    }
    Ok(session.caller())
}

/// The session of a cookie, if it goes on.
pub async fn find(app: App, cookie: &Cookie) -> Result<Option<Session>> {
    let key = cookie.key();
    if let Ok(redis) = app.redis()
        && let Ok(Some(known)) = redis.get(&key).await
        && let Ok(session) = serde_json::from_slice(&known)
    {
        return Ok(Some(session));
    }
    let digest = cookie.digest();
    let found = app.db()?.tenant(cookie.tenant, async |tx| by_digest(tx, &digest).await).await?;
    if let Some(session) = &found
        && let Ok(redis) = app.redis()
    {
        let known = serde_json::to_vec(session).map_err(anyhow::Error::from)?;
        // Without Redis the next request asks Postgres again.
        let _ = redis.set(&key, &known, KNOWN).await;
    }
    Ok(found)
}

/// After a change to a session: the next request looks it up.
pub async fn forget(app: App, tenant: Uuid, digest: &str) {
    if let Ok(redis) = app.redis() {
        let _ = redis.forget(&Key::tenant(tenant).key("session", &[digest])).await;
    }
}

// Reading it says that it is used; one that is not used for half a day is over.
const BY_DIGEST: &str = "
    -- auth::session_by_digest
    update sessions
    set seen_at = now()
    where digest = $1 and ended_at is null and until > now()
      and seen_at > now() - interval '12 hours'
    returning tenant_id, id, user_id, sub, org_id, client, admin_client, permissions, factors, acr,
              signed_in_at, started_at, fresh_until, until, profile";

async fn by_digest(tx: &Tx<'_>, digest: &str) -> Result<Option<Session>> {
    tx.opt(BY_DIGEST, &[&digest]).await?.as_ref().map(session).transpose()
}

fn session(row: &Row) -> Result<Session> {
    let profile: serde_json::Value = row.try_get("profile")?;
    Ok(Session {
        id: row.try_get("id")?,
        tenant: row.try_get("tenant_id")?,
        user: row.try_get("user_id")?,
        sub: row.try_get("sub")?,
        org_id: row.try_get("org_id")?,
        client: row.try_get("client")?,
        admin_client: row.try_get("admin_client")?,
        permissions: row.try_get("permissions")?,
        factors: row.try_get("factors")?,
        acr: row.try_get("acr")?,
        signed_in: row.try_get("signed_in_at")?,
        started: row.try_get("started_at")?,
        fresh_until: row.try_get("fresh_until")?,
        until: row.try_get("until")?,
        profile: serde_json::from_value(profile).map_err(anyhow::Error::from)?,
    })
}

impl Session {
    pub fn caller(&self) -> Caller {
        let mut permissions = self.permissions.clone();
        for own in OWN.map(str::to_owned) {
            if !permissions.contains(&own) {
                permissions.push(own);
            }
        }
        Caller {
            sub: self.sub.clone(),
            org_id: self.org_id.clone(),
            tenant: self.tenant,
            user: self.user,
            kind: Kind::Person,
            permissions,
            client: self.client.clone(),
            admin_client: self.admin_client,
            proof: Some(self.id.to_string()),
            issued: self.started.as_second(),
            expires: self.fresh_until.as_second(),
            signed_in: self.signed_in.map(Timestamp::as_second),
            factors: self.factors.clone(),
            acr: self.acr.clone(),
        }
    }
}
