//! The environment: the only file that reads it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// What must not be printed. There is no `Display`, and `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Postgres, through the pooler.
#[derive(Debug)]
pub struct Database {
    pub url: Secret<String>,
    /// PEM file of the certificate authority; without it there is no TLS, so loopback only.
    pub ca: Option<String>,
    /// One in a Lambda, which serves one event at a time; more in the host.
    pub pool: usize,
}

impl Database {
    pub fn from_env() -> Result<Self> {
        let url = Secret::new(required("DATABASE_URL")?);
        Ok(Self { url, ca: optional("DATABASE_CA"), pool: parsed("DATABASE_POOL", 1)? })
    }

    /// The owner's connection, past the pooler: migrations only.
    pub fn migrations() -> Result<Self> {
        let url = Secret::new(required("MIGRATE_DATABASE_URL")?);
        Ok(Self { url, ca: optional("DATABASE_CA"), pool: 1 })
    }
}

/// The algorithms that a token may be signed with. What it says itself only has to be one of them.
pub const TOKEN_ALGORITHMS: [&str; 1] = ["RS256"];
/// Put into access tokens by an Action of the issuer: how and when a person last signed in.
pub const AMR_CLAIM: &str = "urn:cadre:amr";
pub const AUTH_TIME_CLAIM: &str = "urn:cadre:auth_time";

/// Who issues tokens, and for whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Exactly as tokens name it, with its slash.
    pub issuer: String,
    /// The API's identifier.
    pub audience: String,
    pub jwks_url: String,
    pub clients: Clients,
    /// What clocks may differ by, 60 at most.
    #[serde(default = "usual_leeway")]
    pub leeway_seconds: u8,
}

/// The clients of an issuer that may call, by what for: people's applications, machines, and
/// applications that people may administer with. Who is not listed may not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clients {
    pub people: Names,
    pub machines: Names,
    pub admin: Names,
}

/// Names, or `*` for all there are.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Names(pub Vec<String>);

impl Names {
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|own| own == name || own == "*")
    }
}

impl Clients {
    /// Every client of the issuer, for everything.
    pub fn all() -> Self {
        let all = || Names(vec!["*".into()]);
        Self { people: all(), machines: all(), admin: all() }
    }
}

impl Auth {
    /// The first, whose organizations are known by their id alone, and others that are trusted too.
    pub fn from_env() -> Result<Vec<Self>> {
        let issuer = required("AUTH_ISSUER")?;
        let jwks_url = optional("AUTH_JWKS_URL")
            .unwrap_or_else(|| format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')));
        let clients = serde_json::from_str(&required("AUTH_CLIENTS")?).context("AUTH_CLIENTS")?;
        let leeway_seconds = parsed("AUTH_LEEWAY_SECONDS", usual_leeway())?;
        let audience = required("AUTH_AUDIENCE")?;
        let mut all = vec![Self { issuer, audience, jwks_url, clients, leeway_seconds }];
        if let Some(more) = optional("AUTH_MORE_ISSUERS") {
            let more: Vec<Self> = serde_json::from_str(&more).context("AUTH_MORE_ISSUERS")?;
            all.extend(more);
        }
        for auth in &all {
            ensure!(auth.leeway_seconds <= 60, "a leeway over 60 s makes expired tokens good");
        }
        Ok(all)
    }
}

/// Whose pages may call the API from a browser: exact origins, with commas. Nobody's by default.
pub fn cors_origins() -> Vec<String> {
    let listed = optional("CORS_ORIGINS").unwrap_or_default();
    listed.split(',').map(str::trim).filter(|o| !o.is_empty()).map(str::to_owned).collect()
}

fn usual_leeway() -> u8 {
    30
}

/// Redis or Valkey.
#[derive(Clone, Debug)]
pub struct Redis {
    /// One address; the sentinels' with [`Topology::Sentinel`]; some of the nodes' with a cluster.
    pub urls: Vec<Secret<String>>,
    pub topology: Topology,
    /// PEM file of the certificate authority; without it, those that the system trusts.
    pub ca: Option<String>,
    /// Without, user and password are in the address.
    pub iam: Option<CacheIam>,
    /// How long a request waits for an answer, before it goes on without.
    pub patience: Duration,
}

/// How the servers behind the address stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    Single,
    Cluster,
    /// The addresses are sentinels'; they know which server is the master of this name.
    Sentinel(String),
}

/// Who we are to `ElastiCache`, instead of a password.
#[derive(Clone, Debug)]
pub struct CacheIam {
    pub user: String,
    pub cache: String,
    pub serverless: bool,
    pub region: String,
    pub keys: AwsKeys,
}

/// What AWS knows us by. Lambda puts the role's into the environment, for as long as the sandbox lives.
#[derive(Clone, Debug)]
pub struct AwsKeys {
    pub access_key: String,
    pub secret_key: Secret<String>,
    pub session_token: Option<Secret<String>>,
}

impl AwsKeys {
    pub(crate) fn from_env() -> Result<Self> {
        Ok(Self {
            access_key: required("AWS_ACCESS_KEY_ID")?,
            secret_key: Secret::new(required("AWS_SECRET_ACCESS_KEY")?),
            session_token: optional("AWS_SESSION_TOKEN").map(Secret::new),
        })
    }
}

pub(crate) fn aws_region() -> Result<String> {
    optional("AWS_REGION").map_or_else(|| required("AWS_DEFAULT_REGION"), Ok)
}

/// Where a service of AWS is reached instead of its own address: the emulator.
pub(crate) fn aws_endpoint(service: &str) -> Option<String> {
    optional(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| optional("AWS_ENDPOINT_URL"))
}

impl Redis {
    pub fn from_env() -> Result<Self> {
        let urls = required("REDIS_URL")?;
        let urls = urls.split(',').map(|url| Secret::new(url.trim().to_owned())).collect();
        let topology = match optional("REDIS_SENTINEL") {
            Some(name) => Topology::Sentinel(name),
            None if parsed("REDIS_CLUSTER", false)? => Topology::Cluster,
            None => Topology::Single,
        };
        let patience = Duration::from_millis(parsed("REDIS_PATIENCE_MS", 50)?);
        Ok(Self { urls, topology, ca: optional("REDIS_CA"), iam: CacheIam::from_env()?, patience })
    }
}

impl CacheIam {
    fn from_env() -> Result<Option<Self>> {
        let Some(user) = optional("REDIS_IAM_USER") else { return Ok(None) };
        Ok(Some(Self {
            user,
            cache: required("REDIS_IAM_CACHE")?,
            serverless: parsed("REDIS_IAM_SERVERLESS", false)?,
            region: aws_region()?,
            keys: AwsKeys::from_env()?,
        }))
    }
}

/// Changes to `gate/limits.json`, as JSON of the same form.
pub fn rate_limits() -> Option<String> {
    optional("RATE_LIMITS")
}

/// The issuer's Management API, and how often it may be asked.
#[derive(Clone, Debug)]
pub struct Management {
    pub url: String,
    pub client_id: String,
    pub client_secret: Secret<String>,
    pub audience: String,
    /// Where people are created that an identity provider names.
    pub connection: String,
    pub per_second: f64,
    pub burst: f64,
}

impl Management {
    /// `None` without `MANAGEMENT_URL`: people are then kept here alone.
    pub fn from_env() -> Result<Option<Self>> {
        let Some(url) = optional("MANAGEMENT_URL") else { return Ok(None) };
        let audience = optional("MANAGEMENT_AUDIENCE")
            .unwrap_or_else(|| format!("{}/api/v2/", url.trim_end_matches('/')));
        let connection = optional("MANAGEMENT_CONNECTION");
        Ok(Some(Self {
            url,
            client_id: required("MANAGEMENT_CLIENT_ID")?,
            client_secret: Secret::new(required("MANAGEMENT_CLIENT_SECRET")?),
            audience,
            connection: connection.unwrap_or_else(|| "Username-Password-Authentication".into()),
            // What the issuer's smallest tenants allow.
            per_second: parsed("MANAGEMENT_PER_SECOND", 2.0)?,
            burst: parsed("MANAGEMENT_BURST", 10.0)?,
        }))
    }
}

/// The state machine that drives every run.
pub fn run_state_machine() -> Result<String> {
    required("RUN_STATE_MACHINE_ARN")
}

/// Who we are to the issuer when people sign in, and to the people.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub issuer: String,
    pub audience: String,
    pub client_id: String,
    pub client_secret: Secret<String>,
    /// Where browsers reach us: scheme and host, without a slash at its end.
    pub public_url: String,
    /// What refresh tokens are sealed with: 32 bytes as base64; older keys follow after commas.
    pub session_key: Secret<String>,
}

impl SignIn {
    pub fn from_env() -> Result<Self> {
        let public_url = required("PUBLIC_URL")?;
        let (scheme, host) = public_url.split_once("://").unwrap_or_default();
        let near = ["localhost", "127.0.0.1"].contains(&host.split(':').next().unwrap_or_default());
        ensure!(
            (scheme == "https" || (scheme == "http" && near)) && !host.contains('/'),
            "PUBLIC_URL=`{public_url}` must be https://host, without a path"
        );
        Ok(Self {
            issuer: required("AUTH_ISSUER")?,
            audience: required("AUTH_AUDIENCE")?,
            client_id: required("AUTH_CLIENT_ID")?,
            client_secret: Secret::new(required("AUTH_CLIENT_SECRET")?),
            session_key: Secret::new(required("SESSION_KEY")?),
            public_url,
        })
    }
}

/// A file with the authorities (PEM) that AWS's endpoints may have instead of Amazon's own.
pub(crate) fn aws_ca_bundle() -> Option<String> {
    optional("AWS_CA_BUNDLE")
}

/// `DynamoDB`'s one table.
pub fn dynamo_table() -> Result<String> {
    required("DYNAMODB_TABLE")
}

/// Where the host listens: `HOST_ADDRESS`, for example 127.0.0.1:8080.
pub fn host_address() -> Result<String> {
    required("HOST_ADDRESS")
}

pub fn log_level() -> String {
    optional("LOG_LEVEL").unwrap_or_else(|| "info".into())
}

/// What stands before every route, whatever its row uses.
pub fn check_gate() -> Result<()> {
    required("REDIS_URL").context("every route counts requests in Redis").map(drop)
}

/// Checked when a function starts, so that a missing setting fails the deployment, not a request.
pub fn check(uses: &[String]) -> Result<()> {
    for capability in uses {
        let names: &[&str] = match capability.as_str() {
            "db" => &["DATABASE_URL"],
            "owner-db" => &["MIGRATE_DATABASE_URL"],
            "redis" => &["REDIS_URL"],
            "dynamo" | "spend" => &["DYNAMODB_TABLE"],
            "states" => &["RUN_STATE_MACHINE_ARN"],
            "sign-in" => &["AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET", "PUBLIC_URL", "SESSION_KEY"],
            // Has defaults throughout: without settings it is the extractive provider.
            // Without an address of the Management API people are kept here alone.
            "llm" | "management" => &[],
            other => bail!("functions.json names a capability that nobody knows: `{other}`"),
        };
        for name in names {
            required(name).with_context(|| format!("capability `{capability}`"))?;
        }
    }
    Ok(())
}

pub(crate) fn required(name: &str) -> Result<String> {
    optional(name).with_context(|| {
        format!("the environment variable {name} is not set; see README.md, \"Settings\"")
    })
}

/// An empty variable is an unset one: that is how compose files and Terraform spell it.
pub(crate) fn optional(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one file that may")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(crate) fn parsed<T: FromStr>(name: &str, default: T) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match optional(name) {
        Some(text) => text.parse().with_context(|| format!("{name}=`{text}` cannot be read")),
        None => Ok(default),
    }
}
