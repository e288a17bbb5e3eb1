//! What it must be told.

use std::path::PathBuf;

use serde::Deserialize;

use crate::limits::Rate;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// 0: any that is free.
    pub port: u16,
    /// Where the signing keys are kept, so that a token outlives a restart; without, in memory.
    pub keys: Option<PathBuf>,
    /// The folder with the tables whose permissions the roles grant, read at every token.
    pub functions: Option<PathBuf>,
    /// Beside those of the tables.
    pub permissions: Vec<String>,
    /// The API's identifier.
    pub audience: String,
    /// Of the client `web`, the backend that signs people in.
    pub client_secret: String,
    /// Of the client `machine`, which calls the API.
    pub machine_secret: String,
    /// Of the client `management`, which calls `/api/v2`.
    pub management_secret: String,
    /// The exact addresses that `web` may be called back at.
    pub callbacks: Vec<String>,
    /// The exact addresses that a sign-out of `web` may lead to.
    pub returns: Vec<String>,
    /// How long an access token of a person lives. A machine's: a day.
    pub token_seconds: i64,
    /// How long the refresh token before the newest may still be used.
    pub overlap_seconds: i64,
    /// The token bucket of `/api/v2`.
    pub rate: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            keys: None,
            functions: None,
            permissions: Vec::new(),
            audience: "https://api.cadre.local".into(),
            client_secret: "web-secret".into(),
            machine_secret: "machine-secret".into(),
            management_secret: "management-secret".into(),
            callbacks: Vec::new(),
            returns: Vec::new(),
            token_seconds: 7200,
            overlap_seconds: 0,
            rate: Rate::default(),
        }
    }
}
