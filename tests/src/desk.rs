//! Where people sign in by a browser: the product, the local Auth0, and as much of a browser as
//! that needs. The real one is in `tests/browser`.

use anyhow::{Context, Result, ensure};
use auth0::{Auth0, OTP, PASSWORD, Settings};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use reqwest::redirect::Policy;
use serde_json::Value;
use shared::app::Parts;
use shared::auth::Verifier;
use shared::db::Db;
use shared::gate::Gate;
use shared::redis::Redis;
use shared::{App, Secret, config};
use uuid::Uuid;

use crate::{EVERYTHING, generous};

/// 32 bytes; a test's key need not be secret.
pub(crate) const SESSION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const FORM: &str = "application/x-www-form-urlencoded";

pub struct Desk {
    pub app: App,
    pub router: Router,
    pub auth0: Auth0,
    /// Of ada and eve, and of no other test.
    pub org_id: String,
    pub public_url: String,
}

impl Desk {
    /// Reached at this address, which need not answer: requests go to the router.
    pub fn open(public_url: &str) -> Result<Self> {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/test-auth0-keys.json");
        let auth0 = Auth0::start(Settings {
            // Made once for all tests: a key takes a noticeable part of a second.
            keys: Some(keys.into()),
            // An answer that is lost on its way must not look like a theft.
            overlap_seconds: 30,
            permissions: EVERYTHING.iter().map(|name| (*name).to_owned()).collect(),
            callbacks: vec![format!("{public_url}/auth/callback")],
            returns: vec![format!("{public_url}/account")],
            ..Settings::default()
        })?;
        let org_id = format!("org_{}", Uuid::now_v7().simple());
        move_in(&auth0, &org_id);
        let settings = &auth0.sim.settings;
        let sign_in = config::SignIn {
            issuer: auth0.issuer.clone(),
            audience: settings.audience.clone(),
            client_id: "web".into(),
            client_secret: Secret::new(settings.client_secret.clone()),
            public_url: public_url.to_owned(),
            session_key: Secret::new(SESSION_KEY.into()),
        };
        let keys = format!("{}.well-known/jwks.json", auth0.issuer);
        let issuer = crate::issuer(&auth0.issuer, &settings.audience, &keys);
        let db = Db::connect(&config::Database { pool: 8, ..config::Database::from_env()? })?;
        let app = App::new(Parts {
            db: db.into(),
            redis: Redis::new(config::Redis::from_env()?).into(),
            gate: Gate::new(generous()?).into(),
            auth: Verifier::new(issuer).into(),
            sign_in: sign_in.into(),
            ..Parts::default()
        });
        let router = host::router(app)?;
        Ok(Self { app, router, auth0, org_id, public_url: public_url.to_owned() })
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser {
            desk: self,
            router: self.router.clone(),
            ours: Jar::default(),
            theirs: Jar::default(),
        }
    }
}

/// Ada and eve leave the organization that all tests would share for one of their own.
fn move_in(auth0: &Auth0, org_id: &str) {
    let mut world = auth0.sim.world();
    if let Some(mut organization) = world.organizations.remove("org_demo") {
        organization.profile["id"] = org_id.into();
        world.organizations.insert(org_id.to_owned(), organization);
    }
}

/// A profile of a browser: two sites, and a jar for each.
pub struct Browser<'a> {
    desk: &'a Desk,
    /// Another than the desk's when a test has routes of its own.
    pub router: Router,
    pub ours: Jar,
    theirs: Jar,
}

/// Cookies of one site.
#[derive(Clone, Default)]
pub struct Jar(pub Vec<(String, String)>);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Jar {
    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()) {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            self.0.retain(|(other, _)| other != name);
            if !attributes.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn header(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }
}

impl Browser<'_> {
    /// As a person opens an address.
    pub async fn open(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[("accept", "text/html"), ("sec-fetch-site", "none")], "").await
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[("accept", "application/json")], "").await
    }

    /// As a script of our page does.
    pub async fn post(&mut self, path: &str) -> Result<Answer> {
        let token = self.csrf().await?;
        let origin = self.desk.public_url.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("x-csrf-token", &token),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send("POST", path, &headers, "").await
    }

    /// As a form of our page does.
    pub async fn press(&mut self, path: &str) -> Result<Answer> {
        let token = self.csrf().await?;
        let origin = self.desk.public_url.clone();
        let headers =
            [("origin", origin.as_str()), ("content-type", FORM), ("accept", "text/html")];
        self.send("POST", path, &headers, &format!("csrf_token={token}")).await
    }

    /// The token of our pages; nothing when nobody is signed in.
    pub async fn csrf(&mut self) -> Result<String> {
        let who = self.get("/v1/session").await?.json();
        Ok(who["session"]["csrf_token"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer> {
        use tower::ServiceExt;
        let host = self.desk.public_url.split_once("://").context("no scheme")?.1;
        let mut request = Request::builder().method(method).uri(path).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.ours.0.is_empty() {
            request = request.header("cookie", self.ours.header());
        }
        let request = request.body(Body::from(body.to_owned()))?;
        let (parts, body) = self.router.clone().oneshot(request).await?.into_parts();
        self.ours.keep(&parts.headers);
        let bytes = to_bytes(body, usize::MAX).await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text })
    }

    /// Signs in, and says where that leads.
    pub async fn sign_in(&mut self, email: &str) -> Result<Answer> {
        self.sign_in_by("/auth/login", email).await
    }

    pub async fn sign_in_by(&mut self, login: &str, email: &str) -> Result<Answer> {
        let away = self.open(login).await?;
        ensure!(away.status == 303, "{login}: {} {}", away.status, away.text);
        let back = self.at_the_issuer(away.location(), email).await?;
        self.come_back(&back).await
    }

    /// Follows the issuer's answer to us.
    pub async fn come_back(&mut self, back: &str) -> Result<Answer> {
        let path = back.strip_prefix(&self.desk.public_url).context("not our address")?;
        self.open(path).await
    }

    /// Fills in the issuer's pages until it sends us back, and says where to.
    pub async fn at_the_issuer(&mut self, start: &str, email: &str) -> Result<String> {
        let client = reqwest::Client::builder().redirect(Policy::none()).build()?;
        let origin = self.desk.auth0.issuer.trim_end_matches('/');
        let fields = [("username", email), ("password", PASSWORD), ("code", OTP)];
        let mut at = start.to_owned();
        for _ in 0..8 {
            if at.starts_with(&self.desk.public_url) {
                return Ok(at);
            }
            let url = if at.starts_with('/') { format!("{origin}{at}") } else { at.clone() };
            let request = if at.starts_with("/u/") {
                let body = serde_urlencoded::to_string(fields)?;
                client.post(&url).header("content-type", FORM).body(body)
            } else {
                client.get(&url)
            };
            let answer = request.header("cookie", self.theirs.header()).send().await?;
            self.theirs.keep(answer.headers());
            let next = answer.headers().get("location").and_then(|value| value.to_str().ok());
            at = next.with_context(|| format!("{url} answers {}", answer.status()))?.to_owned();
        }
        anyhow::bail!("the sign-in goes round in circles")
    }
}

/// An address with a parameter of its query changed, or taken away.
pub fn with_parameter(url: &str, name: &str, value: Option<&str>) -> Result<String> {
    let (path, query) = url.split_once('?').context("no query")?;
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)?;
    pairs.retain(|(other, _)| other != name);
    pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    Ok(format!("{path}?{}", serde_urlencoded::to_string(pairs)?))
}

pub fn parameter(url: &str, name: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(url.split_once('?')?.1).ok()?;
    pairs.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}
