//! What every function stands on: the App, the front doors, and one Error. It knows no domain.

pub mod app;
pub mod audit;
pub mod auth;
mod aws;
pub mod config;
pub mod db;
pub mod digest;
pub mod dynamo;
pub mod error;
pub mod gate;
pub mod http;
pub mod jobs;
pub mod llm;
pub mod openapi;
pub mod outbound;
pub mod page;
pub mod redis;
pub mod states;
pub mod table;
pub mod telemetry;

pub use app::App;
pub use auth::Caller;
pub use config::Secret;
pub use error::{Error, Result};
