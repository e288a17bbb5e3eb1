//! `cadre whoami`: `GET /v1/session`.

use crate::api::SESSION;
use crate::client::Client;
use crate::failure::Result;
use crate::show;

pub(crate) fn run(client: &Client, json: bool) -> Result<()> {
    let answer = client.get(&SESSION, None, &[])?;
    if json {
        return show::json(&answer.raw);
    }
    let who = answer.value;
    let name = who.email.or(who.name).unwrap_or_else(|| who.subject.clone());
    let organization = who.organization_name.unwrap_or_else(|| who.organization_id.clone());
    show::line(&format!("{name} ({}), of {organization}", who.subject))?;
    show::line(&format!("roles: {}", or_none(&who.roles)))?;
    show::line(&format!("may: {}", or_none(&who.permissions)))
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
