//! Who is calling, and what they may do. See docs/security/tokens.md.

mod caller;
mod claims;
mod clock;
mod credential;
mod error;
mod fetch;
mod form;
mod identity;
mod json;
mod jwk;
pub mod key;
mod keys;
mod permit;
pub mod revocation;
pub mod roles;
pub mod session;
mod token;
#[cfg(test)]
mod vectors_tests;

use axum::http::{HeaderMap, Method};
use uuid::Uuid;

use crate::{App, Result};
use credential::Credential;

pub use caller::{Caller, Kind};
pub use clock::Clock;
pub use error::{AuthError, Claim};
pub use fetch::Fetch;
pub use identity::Identity;
pub use permit::permit;
pub use token::Verifier;

/// The caller that a request proves: by a token, an API key or a browser's session, and by one of
/// them only. Why something is refused is nobody's business but the log's.
pub async fn caller(app: App, headers: &HeaderMap, method: &Method) -> Result<Caller> {
    match credential::of(headers).map_err(AuthError::logged)? {
        Credential::Token(token) => app.auth()?.caller(token).await,
        Credential::Key(key) => key::caller(app, key).await,
        Credential::Session(id) => session::caller(app, id, headers, method).await,
    }
}

/// A tenant's id follows from the issuer's organization id, so no look-up stands before a request.
pub fn tenant_id(org_id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:cadre:org:{org_id}").as_bytes())
}
