//! The App: every outside thing a function may use, made when first asked for.

use std::sync::OnceLock;

use crate::auth::Verifier;
use crate::db::Db;
use crate::dynamo::Dynamo;
use crate::gate::Gate;
use crate::llm::Llm;
use crate::redis::Redis;
use crate::states::States;
use crate::{Error, Result, config};

/// Built once per sandbox, copied freely, never dropped. A binary contains only the parts it asks
/// for: what nobody calls, the linker leaves out.
#[derive(Clone, Copy)]
pub struct App(&'static Parts);

/// Parts that are given are used; the others come from the environment.
#[derive(Default)]
pub struct Parts {
    pub db: OnceLock<Db>,
    pub redis: OnceLock<Redis>,
    pub gate: OnceLock<Gate>,
    pub auth: OnceLock<Verifier>,
    pub sign_in: OnceLock<config::SignIn>,
    pub llm: OnceLock<Llm>,
    pub states: OnceLock<States>,
    pub dynamo: OnceLock<Dynamo>,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Box::leak(Box::new(parts)))
    }

    /// Tells one from another: tests have several in one process.
    pub fn id(self) -> usize {
        std::ptr::from_ref(self.0).addr()
    }

    pub fn db(self) -> Result<&'static Db> {
        once(&self.0.db, || Db::connect(&config::Database::from_env()?))
    }

    pub fn redis(self) -> Result<&'static Redis> {
        once(&self.0.redis, || Ok(Redis::new(config::Redis::from_env()?)))
    }

    pub fn gate(self) -> Result<&'static Gate> {
        once(&self.0.gate, Gate::from_env)
    }

    pub fn auth(self) -> Result<&'static Verifier> {
        once(&self.0.auth, || Ok(Verifier::trusting(config::Auth::from_env()?)))
    }

    pub fn sign_in(self) -> Result<&'static config::SignIn> {
        once(&self.0.sign_in, config::SignIn::from_env)
    }

    pub fn llm(self) -> Result<&'static Llm> {
        once(&self.0.llm, || Ok(Llm::from_settings(&crate::llm::Settings::from_env()?)?))
    }

    pub fn dynamo(self) -> Result<&'static Dynamo> {
        once(&self.0.dynamo, Dynamo::from_env)
    }

    pub fn states(self) -> Result<&'static States> {
        once(&self.0.states, States::from_env)
    }
}

/// `OnceLock::get_or_try_init` is not stable yet; losing a race costs one idle value.
fn once<T>(cell: &'static OnceLock<T>, make: impl Fn() -> anyhow::Result<T>) -> Result<&'static T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make().map_err(Error::Internal)?;
    Ok(cell.get_or_init(|| value))
}
