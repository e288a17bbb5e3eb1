//! The whole product in a test: real Postgres behind its pooler, real tokens, a scripted model.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use serde_json::{Map, Value, json};
use shared::app::Parts;
use shared::auth::Verifier;
use shared::db::Db;
use shared::gate::{Gate, Limits};
use shared::llm::{Llm, Provider, Settings};
use shared::redis::Redis;
use shared::{App, Secret, config};
use uuid::Uuid;

use crate::cache::patient;
use crate::desk::SESSION_KEY;
use crate::dynamo::small;
use crate::scripted::{Script, Server};
use crate::{Organization, Person, Signer};

pub struct House {
    pub app: App,
    pub router: Router,
    pub signer: Signer,
    pub model: Server,
}

impl House {
    /// With a model that answers at once.
    pub fn open() -> Result<Self> {
        Self::with_model(Script::echo())
    }

    pub fn with_model(script: Script) -> Result<Self> {
        Self::of(script, Parts::default())
    }

    /// With a Redis and limits of its own.
    pub fn with(script: Script, redis: Redis, gate: Gate) -> Result<Self> {
        Self::of(script, Parts { redis: redis.into(), gate: gate.into(), ..Parts::default() })
    }

    /// With these parts, and for the others the usual ones.
    pub fn of(script: Script, parts: Parts) -> Result<Self> {
        let database = config::Database::from_env()
            .context("tests need the test stack: run them by `make test`, see CONTRIBUTING.md")?;
        let db = Db::connect(&config::Database { pool: 8, ..database })?;
        let signer = Signer::start();
        let model = Server::start(script)?;
        let llm = Llm::from_settings(&model_settings(&model.base_url))?;
        let redis = patient()?;
        let gate = Gate::new(generous()?);
        let auth = Verifier::new(signer.settings());
        let person = sign_in(&signer.settings());
        // Those that were given stay.
        let _ = parts.db.set(db).is_err() | parts.auth.set(auth).is_err();
        let _ = parts.llm.set(llm).is_err() | parts.redis.set(redis).is_err();
        let _ = parts.gate.set(gate).is_err() | parts.sign_in.set(person).is_err();
        let _ = parts.dynamo.set(small()).is_err();
        let app = App::new(parts);
        Ok(Self { app, router: host::router(app)?, signer, model })
    }

    /// A new organization, of which nothing is on record.
    pub fn organization(&self) -> Organization<'_> {
        Organization { house: self, org_id: format!("org_{}", Uuid::now_v7().simple()) }
    }

    pub fn stranger(&self) -> Person<'_> {
        Person { router: &self.router, token: None }
    }

    pub fn with_token(&self, token: &str) -> Person<'_> {
        Person { router: &self.router, token: Some(token.to_owned()) }
    }
}

/// The same as `sign_in`, for another process.
pub fn sign_in_variables() -> [(&'static str, &'static str); 4] {
    [
        ("AUTH_CLIENT_ID", "web"),
        ("AUTH_CLIENT_SECRET", "secret"),
        ("PUBLIC_URL", "https://cadre.test"),
        ("SESSION_KEY", SESSION_KEY),
    ]
}

/// Settings of sign-in, at an issuer that answers nobody: see [`crate::desk`].
fn sign_in(auth: &config::Auth) -> config::SignIn {
    config::SignIn {
        issuer: "https://issuer.test/".into(),
        audience: auth.audience.clone(),
        client_id: "web".into(),
        client_secret: Secret::new("secret".into()),
        public_url: "https://cadre.test".into(),
        session_key: Secret::new(SESSION_KEY.into()),
    }
}

/// Limits that no test reaches: all tests come from one address. Who tests limits sets their own.
pub fn generous() -> Result<Limits> {
    Limits::changed_by(Some(&wide()))
}

/// The same as `RATE_LIMITS`, for another process.
pub fn wide() -> String {
    let names = ["address", "tenant", "user", "open", "sign-in", "read", "write", "spend"];
    let limit = json!({ "per_second": 100_000, "burst": 100_000 });
    let all: Map<_, _> = names.map(|name| (name.to_owned(), limit.clone())).into_iter().collect();
    Value::Object(all).to_string()
}

/// Settings for an OpenAI-compatible model at this address.
pub(crate) fn model_settings(base_url: &str) -> Settings {
    Settings {
        provider: Provider::OpenAi,
        base_url: Some(base_url.to_owned()),
        api_key: None,
        model: "scripted-1".into(),
        context_tokens: 4_000,
        timeout: Duration::from_secs(10),
        sampling: Map::new(),
    }
}
