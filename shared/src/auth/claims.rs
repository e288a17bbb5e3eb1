//! What a verified payload says, each claim of its exact type, judged against the clock and settings.

use uuid::Uuid;

use super::json::{Json, Object};
use super::{AuthError, Caller, Claim, Kind, tenant_id};
use crate::config;

const MOST_AUDIENCES: usize = 10;
const MOST_PERMISSIONS: usize = 200;
const LONGEST_TEXT: usize = 255;
/// Times are below this: the year 36,812. A larger number is no time.
const LATEST: u64 = 1 << 40;
/// Longest that a token may be valid, in seconds.
const PERSON_LIVES: i64 = 2 * 60 * 60;
const MACHINE_LIVES: i64 = 24 * 60 * 60;
/// Issued longer ago than this, it is refused whatever its `exp` says.
const OLDEST: i64 = 24 * 60 * 60;
/// What ID tokens and logout tokens have, and access tokens have not.
const NOT_FOR_ACCESS: [&str; 5] = ["nonce", "at_hash", "c_hash", "s_hash", "events"];

/// Claims whose signature is not verified yet: nothing comes out of them but the issuer's name,
/// which says whose keys to look in.
pub(super) struct Unverified<'a>(Object<'a>);

impl<'a> Unverified<'a> {
    pub(super) fn read(payload: &'a [u8]) -> Result<Self, AuthError> {
        Object::read(payload).map(Self).ok_or(AuthError::Json)
    }

    pub(super) fn issuer(&self) -> Result<&str, AuthError> {
        text(&self.0, "iss").ok().flatten().ok_or(AuthError::Claim(Claim::Iss))
    }

    /// To be called when the signature holds, and only then.
    pub(super) fn verified(self) -> Claims<'a> {
        Claims(self.0)
    }
}

/// Claims that the issuer signed.
pub(super) struct Claims<'a>(Object<'a>);

impl Claims<'_> {
    /// The caller, if everything holds at this time. Only the first issuer's organizations are known
    /// by their id alone: another's could bear the same.
    pub(super) fn caller(
        &self,
        settings: &config::Auth,
        first: bool,
        now: i64,
    ) -> Result<Caller, AuthError> {
        if NOT_FOR_ACCESS.iter().any(|name| self.0.has(name)) {
            return Err(AuthError::NotAnAccessToken);
        }
        let sub = self.required("sub", Claim::Sub)?;
        let client = self.client()?;
        let machine = self.is_machine(sub, client)?;
        self.audience(&settings.audience, client)?;
        let (issued, expires) = self.window(i64::from(settings.leeway_seconds), machine, now)?;
        let org_id = self.required("org_id", Claim::OrgId)?;
        let permissions = self.permissions()?;
        let signed_in = self.signed_in()?;
        let proof = text(&self.0, "jti").map_err(|()| AuthError::Claim(Claim::Jti))?;
        let acr = text(&self.0, "acr").map_err(|()| AuthError::Claim(Claim::Acr))?;
        let clients = &settings.clients;
        let allowed = if machine { &clients.machines } else { &clients.people };
        if !allowed.contains(client) {
            return Err(AuthError::ClientNotAllowed);
        }
        let tenant = if first { tenant_id(org_id) } else { foreign(&settings.issuer, org_id) };
        Ok(Caller {
            sub: sub.to_owned(),
            org_id: org_id.to_owned(),
            tenant,
            user: Uuid::new_v5(&tenant, sub.as_bytes()),
            kind: if machine { Kind::Machine } else { Kind::Person },
            permissions,
            client: Some(client.to_owned()),
            admin_client: clients.admin.contains(client),
            proof: proof.map(str::to_owned),
            issued,
            expires,
            signed_in,
            factors: self.factors(),
            acr: acr.map(str::to_owned),
        })
    }

    /// For the log.
    pub(super) fn id(&self) -> Option<&str> {
        text(&self.0, "jti").ok().flatten()
    }

    fn required(&self, name: &str, claim: Claim) -> Result<&str, AuthError> {
        text(&self.0, name).ok().flatten().ok_or(AuthError::Claim(claim))
    }

    /// `azp` as Auth0 has it, `client_id` as RFC 9068 has it; if both, they agree.
    fn client(&self) -> Result<&str, AuthError> {
        let read = |name| text(&self.0, name).map_err(|()| AuthError::Claim(Claim::Azp));
        match (read("azp")?, read("client_id")?) {
            (Some(azp), Some(id)) if azp != id => Err(AuthError::Claim(Claim::Azp)),
            (Some(client), _) | (None, Some(client)) => Ok(client),
            (None, None) => Err(AuthError::Claim(Claim::Azp)),
        }
    }

    /// By what it was granted, or because its subject is a client: a machine never counts as a
    /// person, whichever of the signs is missing.
    fn is_machine(&self, sub: &str, client: &str) -> Result<bool, AuthError> {
        let granted = match self.0.get("gty") {
            None => false,
            Some(Json::Text(grant)) => grant == "client-credentials",
            Some(Json::List(grants)) => {
                grants.iter().any(|grant| grant.text() == Some("client-credentials"))
            }
            Some(_) => return Err(AuthError::Claim(Claim::Gty)),
        };
        Ok(granted || sub == client || sub.ends_with("@clients"))
    }

    fn audience(&self, ours: &str, client: &str) -> Result<(), AuthError> {
        let wrong = AuthError::Claim(Claim::Aud);
        let all = match self.0.get("aud").ok_or(wrong)? {
            Json::Text(one) => vec![&**one],
            list => list.texts().ok_or(wrong)?,
        };
        if all.len() > MOST_AUDIENCES {
            return Err(wrong);
        }
        if !all.contains(&ours) {
            return Err(AuthError::Audience);
        }
        if all.contains(&client) { Err(AuthError::NotAnAccessToken) } else { Ok(()) }
    }

    fn window(&self, leeway: i64, machine: bool, now: i64) -> Result<(i64, i64), AuthError> {
        let time = |name, claim| match self.0.get(name) {
            None => Ok(None),
            Some(Json::Whole(at @ 1..LATEST)) => Ok(Some(at.cast_signed())),
            Some(_) => Err(AuthError::Claim(claim)),
        };
        let expires = time("exp", Claim::Exp)?.ok_or(AuthError::Claim(Claim::Exp))?;
        let issued = time("iat", Claim::Iat)?.ok_or(AuthError::Claim(Claim::Iat))?;
        let not_before = time("nbf", Claim::Nbf)?;
        if now >= expires + leeway {
            return Err(AuthError::Expired);
        }
        if not_before.is_some_and(|at| now + leeway < at) {
            return Err(AuthError::NotYetValid);
        }
        if now + leeway < issued {
            return Err(AuthError::IssuedInFuture);
        }
        let longest = if machine { MACHINE_LIVES } else { PERSON_LIVES };
        if !(1..=longest).contains(&(expires - issued)) || now - issued > OLDEST {
            return Err(AuthError::Lifetime);
        }
        Ok((issued, expires))
    }

    fn permissions(&self) -> Result<Vec<String>, AuthError> {
        let wrong = AuthError::Claim(Claim::Permissions);
        let all = match self.0.get("permissions") {
            None => return Ok(Vec::new()),
            Some(list) => list.texts().ok_or(wrong)?,
        };
        if all.len() > MOST_PERMISSIONS || !all.iter().all(|text| is_text(text)) {
            return Err(wrong);
        }
        Ok(all.into_iter().map(str::to_owned).collect())
    }

    /// An Action of the issuer puts it there, or RFC 9068 does. One that is no time is none.
    fn signed_in(&self) -> Result<Option<i64>, AuthError> {
        let own = self.0.get(config::AUTH_TIME_CLAIM).or_else(|| self.0.get("auth_time"));
        match own {
            None => Ok(None),
            Some(Json::Whole(at @ 1..LATEST)) => Ok(Some(at.cast_signed())),
            Some(_) => Err(AuthError::Claim(Claim::AuthTime)),
        }
    }

    /// Only from our own claim, and only from a list of texts: anything else shows no factor.
    fn factors(&self) -> Vec<String> {
        let own = self.0.get(config::AMR_CLAIM).and_then(Json::texts).unwrap_or_default();
        own.into_iter().map(str::to_owned).collect()
    }
}

/// A text that can be kept, shown and logged; `Err` when it is something else.
fn text<'o>(object: &'o Object<'_>, name: &str) -> Result<Option<&'o str>, ()> {
    match object.get(name) {
        None => Ok(None),
        Some(Json::Text(text)) if is_text(text) => Ok(Some(text)),
        Some(_) => Err(()),
    }
}

fn is_text(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// An organization of an issuer that is not the first: the issuer is part of its name.
fn foreign(issuer: &str, org_id: &str) -> Uuid {
    let name = format!("urn:cadre:issuer:{issuer}:org:{org_id}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}
