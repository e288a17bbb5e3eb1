//! Who is calling, and what they may do.

mod token;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::{Error, Result};

pub use token::Verifier;

/// A verified caller. Handlers receive it; only the front door makes it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub sub: String,
    pub org_id: String,
    /// From the token's `org_id` and nowhere else.
    pub tenant: Uuid,
    pub user: Uuid,
    pub permissions: Vec<String>,
}

impl Caller {
    fn new(claims: token::Claims) -> Self {
        let token::Claims { sub, org_id, permissions } = claims;
        let tenant = tenant_id(&org_id);
        let user = Uuid::new_v5(&tenant, sub.as_bytes());
        Self { sub, org_id, tenant, user, permissions }
    }

    pub fn may(&self, permission: &str) -> bool {
        self.permissions.iter().any(|p| p == permission)
    }
}

/// A tenant's id follows from the issuer's organization id, so no look-up stands before a request.
pub fn tenant_id(org_id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:cadre:org:{org_id}").as_bytes())
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get().cloned().ok_or(Error::Unauthenticated)
    }
}
