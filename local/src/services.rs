//! The services of the stack: one file each.

pub mod auth0;
pub mod host;
pub mod ministack;
pub mod model;
pub mod pgbouncer;
pub mod postgres;
pub mod redis;
pub mod watch;

use std::time::Duration;

use anyhow::ensure;

use crate::{http, service::Ready};

/// Ready when this address answers 200.
pub(crate) fn answers(url: String) -> Ready {
    let agent = http::agent(Duration::from_secs(2));
    Box::new(move || {
        let reply = http::get(&agent, &url, &[])?;
        ensure!(reply.status == 200, "{url} answers {}", reply.status);
        Ok(())
    })
}
