//! Callers by an API key.

use super::Caller;
use crate::{App, Error, Result};

/// The caller whom this key (`cdr_…`) stands for.
#[expect(clippy::unused_async, reason = "it will look the key up")]
pub(super) async fn caller(_: App, _key: &str) -> Result<Caller> {
    Err(Error::InvalidToken)
}
