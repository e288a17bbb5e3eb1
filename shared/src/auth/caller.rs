//! A verified caller.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::{Error, Result};

/// A verified caller. Handlers receive it; only the front door makes it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub sub: String,
    pub org_id: String,
    /// From the token's `org_id` and nowhere else.
    pub tenant: Uuid,
    pub user: Uuid,
    pub kind: Kind,
    pub permissions: Vec<String>,
    /// The client that the proof was issued to (`azp`); an API key has none.
    pub client: Option<String>,
    /// Whether that client may be used for what needs a second factor.
    pub admin_client: bool,
    /// The id of the token, of the API key or of the session: what can be revoked by itself.
    pub proof: Option<String>,
    /// When the proof was issued and when it ends, in seconds of Unix time. What is revoked is what
    /// was issued before.
    pub issued: i64,
    pub expires: i64,
    /// When the person last showed who they are, and how (`auth_time`, `amr`, `acr`).
    pub signed_in: Option<i64>,
    pub factors: Vec<String>,
    pub acr: Option<String>,
}

/// How a caller proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person's access token, or their browser session.
    Person,
    /// A client of the issuer, by client credentials.
    Machine,
    /// An API key of the tenant, by its id.
    Key(Uuid),
}

impl Caller {
    /// In whose name the system itself acts, for the audit trail: it holds no permission.
    pub fn internal(tenant: Uuid, org_id: &str, sub: String, user: Uuid) -> Self {
        Self {
            sub,
            org_id: org_id.to_owned(),
            tenant,
            user,
            kind: Kind::Machine,
            permissions: Vec::new(),
            client: None,
            admin_client: false,
            proof: None,
            issued: 0,
            expires: 0,
            signed_in: None,
            factors: Vec::new(),
            acr: None,
        }
    }

    pub fn may(&self, permission: &str) -> bool {
        self.permissions.iter().any(|p| p == permission)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get().cloned().ok_or(Error::Unauthenticated)
    }
}
