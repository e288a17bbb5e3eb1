//! Callers by a browser's session.

use axum::http::{HeaderMap, Method};

use super::Caller;
use crate::{App, Error, Result};

/// The caller whose session has this id; what changes something must prove that our page sent it.
#[expect(clippy::unused_async, reason = "it will look the session up")]
pub(super) async fn caller(_: App, _id: &str, _: &HeaderMap, _: &Method) -> Result<Caller> {
    Err(Error::InvalidToken)
}
