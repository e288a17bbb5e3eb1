//! Sessions as people see them, and where a sign-in may lead.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::auth::session::Session;
use shared::{Error, Result};
use uuid::Uuid;

/// How long a session lasts, however much it is used.
pub const LONGEST_SECONDS: i64 = 24 * 60 * 60;
/// How old a sign-in at the issuer may be to begin a session here without a password.
pub const OLDEST_SIGN_IN_SECONDS: u32 = 12 * 60 * 60;
const LONGEST_PATH: usize = 512;

/// A path of ours, for a redirect: never another host, however it is spelled.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct LocalPath(String);

impl Default for LocalPath {
    fn default() -> Self {
        Self("/account".into())
    }
}

impl From<LocalPath> for String {
    fn from(path: LocalPath) -> Self {
        path.0
    }
}

impl TryFrom<String> for LocalPath {
    type Error = Error;

    fn try_from(path: String) -> Result<Self> {
        // Browsers take a backslash for a slash, drop tabs and newlines, and two slashes at the
        // beginning are a host.
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let local = path.starts_with('/') && !path.starts_with("//");
        if local && path.len() <= LONGEST_PATH && path.bytes().all(plain) {
            return Ok(Self(path));
        }
        Err(Error::Invalid("return_to must be a path of this host, such as /account".into()))
    }
}

/// Who is signed in, and what they may do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WhoAmI {
    /// The issuer's name for the person.
    pub subject: String,
    pub email: Option<String>,
    pub name: Option<String>,
    pub organization_id: String,
    pub organization_name: Option<String>,
    /// As the issuer named them at sign-in.
    pub roles: Vec<String>,
    pub permissions: Vec<String>,
    /// `mfa` among them: a second factor was shown.
    pub factors: Vec<String>,
    pub signed_in_at: Option<Timestamp>,
    /// Of the browser's session; null for a caller by token.
    pub session: Option<Current>,
}

/// The session that the request came with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Current {
    pub id: Uuid,
    pub started_at: Timestamp,
    /// Refresh it before then: `POST /auth/refresh`.
    pub fresh_until: Timestamp,
    pub until: Timestamp,
    /// Send this as `X-CSRF-Token` with everything that is not a GET.
    pub csrf_token: String,
}

/// One of a person's sessions.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionEntry {
    pub id: Uuid,
    /// The browser, as it calls itself.
    pub agent: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
    pub until: Timestamp,
    pub second_factor: bool,
    /// Whether this request came with it.
    pub current: bool,
}

/// What was ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ended {
    pub sessions: u64,
}

/// `permissions`: what the gate left of those of the session.
pub fn who(session: &Session, permissions: &[String], csrf_token: String) -> WhoAmI {
    WhoAmI {
        subject: session.sub.clone(),
        email: session.profile.email.clone(),
        name: session.profile.name.clone(),
        organization_id: session.org_id.clone(),
        organization_name: session.profile.organization.clone(),
        roles: session.profile.roles.clone(),
        permissions: permissions.to_vec(),
        factors: session.factors.clone(),
        signed_in_at: session.signed_in,
        session: Some(Current {
            id: session.id,
            started_at: session.started,
            fresh_until: session.fresh_until,
            until: session.until,
            csrf_token,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::LocalPath;

    #[test]
    fn a_path_that_could_lead_to_another_host_is_refused() {
        for good in ["/", "/account", "/v1/agents?limit=2&cursor=a%2Fb#x", "/@evil.example"] {
            assert!(LocalPath::try_from(good.to_owned()).is_ok(), "{good}");
        }
        let bad = [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n",
            "https://evil.example",
            "javascript:alert(1)",
            "/a b",
            "/é",
        ];
        for bad in bad {
            assert!(LocalPath::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(LocalPath::try_from(format!("/{}", "a".repeat(512))).is_err());
    }
}
