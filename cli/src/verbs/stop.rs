//! `cadre stop`: `PUT /v1/spend/switch`.

use uuid::Uuid;

use crate::api::SWITCH;
use crate::args::Scope;
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::model::Switch;
use crate::show;

/// Without a reason: on again.
pub(crate) fn run(
    client: &Client,
    (scope, id): (Scope, Option<Uuid>),
    reason: Option<&str>,
    json: bool,
) -> Result<()> {
    let switch = Switch { scope: scope.name(), id, off: reason };
    let body = serde_json::to_vec(&switch).map_err(Failure::new)?;
    let answer = client.post(&SWITCH, None, Some(("application/json", &body)), None)?;
    if json {
        return show::json(&answer.raw);
    }
    let whose = id.map_or_else(String::new, |id| format!(" {id}"));
    show::line(&match answer.value.stopped {
        Some(reason) => format!("spending of {}{whose} is off: {reason}", scope.name()),
        None => format!("spending of {}{whose} is on", scope.name()),
    })
}
