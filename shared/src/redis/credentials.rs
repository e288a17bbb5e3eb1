//! Who we are to Redis: a user and password in the address, or a token of IAM for `ElastiCache`.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;

use crate::config::CacheIam;
use crate::{Secret, aws, digest};

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
        let identity = aws::credentials(&iam.keys).into();
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
            // Writing to a String cannot fail.
            let _ = write!(spelled, "%{byte:02X}");
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ElastiCache;
    use crate::Secret;
    use crate::config::{AwsKeys, CacheIam};

    fn token(serverless: bool, session: Option<&str>) -> String {
        let iam = CacheIam {
            user: "app".into(),
            cache: "cadre".into(),
            serverless,
            region: "eu-west-1".into(),
            keys: AwsKeys {
                access_key: "AKIDEXAMPLE".into(),
                secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
                session_token: session.map(|token| Secret::new(token.into())),
            },
        };
        let now = "2026-11-23T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        ElastiCache::new(iam).token(now).unwrap()
    }

    /// The order of a query's parts means nothing.
    fn parts(token: &str) -> BTreeSet<&str> {
        token.split(['?', '&']).collect()
    }

    #[test]
    fn a_token_is_signed_as_botocore_signs_it() {
        // By SigV4QueryAuth of botocore 1.43, service `elasticache`, at the same second.
        let recorded = "cadre/?Action=connect&User=app&X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIDEXAMPLE%2F20261123%2Feu-west-1%2Felasticache%2Faws4_request\
            &X-Amz-Date=20261123T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=c04cf1cc2f4f7d3f8604b4b783dd6e68743bc24be696b84376de278470d4249c";
        assert_eq!(parts(&token(false, None)), parts(recorded));
        let recorded = "cadre/?Action=connect&ResourceType=ServerlessCache&User=app\
            &X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIDEXAMPLE%2F20261123%2Feu-west-1%2Felasticache%2Faws4_request\
            &X-Amz-Date=20261123T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
            &X-Amz-Security-Token=Fwo%2Bsession%2Ftoken%3D%3D\
            &X-Amz-Signature=9e703e78102ec846b0cdb6d24f1c3227d0cc89eab1be859d0357592f88e7ab43";
        assert_eq!(parts(&token(true, Some("Fwo+session/token=="))), parts(recorded));
    }
}
