//! Who we are to Redis: a user and password in the address, or a token of IAM for `ElastiCache`.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use crate::config::CacheIam;
use crate::{Secret, digest};

pub trait Credentials: Send + Sync {
    /// For a connection that is made now; nothing when the address says it all.
    fn login(&self) -> anyhow::Result<Option<Login>>;

    /// How long a connection is good before it must prove itself again.
    fn life(&self) -> Option<Duration>;
}

#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: Secret<String>,
}

/// What the address says.
pub struct Fixed;

impl Credentials for Fixed {
    fn login(&self) -> anyhow::Result<Option<Login>> {
        Ok(None)
    }

    fn life(&self) -> Option<Duration> {
        None
    }
}

/// A token is a presigned request to `connect`, without its `http://`. It opens a connection for 15
/// minutes after it was made; we make one for each connection, so none is ever near its end. The
/// server ends a connection after 12 hours unless it proves itself again.
pub struct ElastiCache {
    iam: CacheIam,
}

const TOKEN_LIFE: Duration = Duration::from_mins(15);
const CONNECTION_LIFE: Duration = Duration::from_hours(11);

impl ElastiCache {
    pub fn new(iam: CacheIam) -> Self {
        Self { iam }
    }

    /// The token as made at this time.
    pub fn token(&self, now: SystemTime) -> anyhow::Result<String> {
        let iam = &self.iam;
        let session = iam.session_token.as_ref().map(|token| token.expose().clone());
        let secret = iam.secret_key.expose().as_str();
        let identity = Keys::new(&iam.access_key, secret, session, None, "environment").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(TOKEN_LIFE);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&iam.region)
            .name("elasticache")
            .time(now)
            .settings(settings)
            .build()?
            .into();
        let kind = if iam.serverless { "&ResourceType=ServerlessCache" } else { "" };
        let url = format!("http://{}/?Action=connect{kind}&User={}", iam.cache, iam.user);
        let nothing = SignableBody::Precomputed(digest::sha256(b""));
        let request = SignableRequest::new("GET", &url, std::iter::empty(), nothing)?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let mut signed = url.strip_prefix("http://").context("a scheme")?.to_owned();
        for (name, value) in instructions.params() {
            signed.push('&');
            signed.push_str(name);
            signed.push('=');
            signed.push_str(&percent(value));
        }
        Ok(signed)
    }
}

impl Credentials for ElastiCache {
    #[expect(clippy::disallowed_methods, reason = "a signature says when it was made")]
    fn login(&self) -> anyhow::Result<Option<Login>> {
        let password = Secret::new(self.token(SystemTime::now())?);
        Ok(Some(Login { user: self.iam.user.clone(), password }))
    }

    fn life(&self) -> Option<Duration> {
        Some(CONNECTION_LIFE)
    }
}

/// As a query spells it.
fn percent(value: &str) -> String {
    let mut spelled = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            spelled.push(byte.into());
        } else {
            spelled.push_str(&format!("%{byte:02X}"));
        }
    }
    spelled
}
