//! Access tokens of the issuers that we trust. There is no way to read one without verifying it.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, crypto};

use super::claims::Unverified;
use super::clock::{Clock, Machine};
use super::fetch::{Fetch, Network};
use super::form::{self, Form};
use super::keys::Keys;
use super::{AuthError, Caller};
use crate::{Result, config};

/// Trusts some issuers, each with its own keys: what one signs says nothing about another.
pub struct Verifier {
    issuers: Vec<Issuer>,
    clock: Arc<dyn Clock>,
}

struct Issuer {
    settings: config::Auth,
    keys: Keys,
}

impl Verifier {
    pub fn new(settings: config::Auth) -> Self {
        Self::trusting(vec![settings])
    }

    pub fn trusting(issuers: Vec<config::Auth>) -> Self {
        Self::with(issuers, Arc::new(Machine::new()), &(Arc::new(Network) as Arc<dyn Fetch>))
    }

    pub fn with(issuers: Vec<config::Auth>, clock: Arc<dyn Clock>, fetch: &Arc<dyn Fetch>) -> Self {
        let keys = |settings: &config::Auth| {
            Keys::new(settings.jwks_url.clone(), Arc::clone(&clock), Arc::clone(fetch))
        };
        let issuer = |settings| Issuer { keys: keys(&settings), settings };
        Self { issuers: issuers.into_iter().map(issuer).collect(), clock }
    }

    /// Seconds of Unix time.
    pub fn now(&self) -> i64 {
        self.clock.wall()
    }

    /// The caller whom this token proves.
    pub async fn caller(&self, token: &str) -> Result<Caller> {
        Ok(self.verify(token).await?)
    }

    /// As `caller`, with the reason, which is for the log only and is written there.
    pub async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        // Of a token that nobody signed not even the id is worth writing down.
        let mut id = None;
        let judged = self.judge(token, &mut id).await;
        judged.inspect_err(|reason| {
            tracing::info!(auth.reason = reason.code(), jwt.id = id, "token refused");
        })
    }

    /// Who signed this, and what, whatever kind of token it is: for ID tokens, which open no door.
    pub(super) async fn signed(&self, token: &str) -> Result<(String, Vec<u8>)> {
        let form = form::of(token)?;
        let claims = Unverified::read(&form.payload)?;
        let at = self.at(&form, &claims).await?;
        let issuer = self.issuers[at].settings.issuer.clone();
        drop(claims);
        Ok((issuer, form.payload))
    }

    async fn judge(&self, token: &str, id: &mut Option<String>) -> Result<Caller, AuthError> {
        let form = form::of(token)?;
        let claims = Unverified::read(&form.payload)?;
        let at = self.at(&form, &claims).await?;
        let claims = claims.verified();
        *id = claims.id().map(str::to_owned);
        claims.caller(&self.issuers[at].settings, at == 0, self.clock.wall())
    }

    /// Which issuer signed it, of those we trust.
    async fn at(&self, form: &Form<'_>, claims: &Unverified<'_>) -> Result<usize, AuthError> {
        let name = claims.issuer()?;
        let at = self.issuers.iter().position(|issuer| issuer.settings.issuer == name);
        let at = at.ok_or(AuthError::UnknownIssuer)?;
        let key = self.issuers[at].keys.key(&form.key_id).await?;
        if holds(form, &key) { Ok(at) } else { Err(AuthError::Signature) }
    }
}

/// RS256 whatever the header says: it has been checked to say so.
pub(super) fn holds(form: &Form<'_>, key: &DecodingKey) -> bool {
    crypto::verify(form.signature, form.signed, key, Algorithm::RS256).unwrap_or(false)
}
