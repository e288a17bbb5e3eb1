//! `cadre login` and `cadre logout`: authorization code with PKCE, back to this machine (RFC 8252).

mod callback;
mod issuer;

use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use crate::api::SESSION;
use crate::args::{Common, Login};
use crate::client::Client;
use crate::failure::{Failure, Result};
use crate::http::{Secret, Sender};
use crate::settings::{self, address, now};
use crate::show;
use crate::store::{self, Saved};
use callback::Callback;
use issuer::{Asked, Issuer};

/// What the issuer has to know beforehand, so it cannot be any.
const PORT: u16 = 8976;

pub(crate) fn login(common: &Common, login: Login) -> Result<()> {
    let file = settings::file()?;
    let missing = |what: &str| {
        let option = what.replace('_', "-");
        Failure::usage(format!("no {what} is named"))
            .next(format!("give --{option}, or write `{what} = \"…\"` into config.toml"))
    };
    let api = settings::named_api(common)?.ok_or_else(|| missing("api"))?;
    let api = address(&api)?;
    let client_id = login.client_id.or(file.client_id).ok_or_else(|| missing("client_id"))?;
    let name = login.issuer.or(file.issuer).ok_or_else(|| missing("issuer"))?;
    let patience = Duration::from_secs(common.timeout);
    let issuer = Issuer::find(&name, Sender::new(None, patience))?;

    let callback = Callback::listen(login.port.or(file.port).unwrap_or(PORT))?;
    let asked = Asked {
        client_id,
        audience: login.audience.or(file.audience),
        organization: login.organization.or(file.organization),
        redirect: callback.url(),
        state: issuer::random()?,
        verifier: issuer::random()?,
    };
    let page = issuer.page(&asked)?;
    // Not a line of output, and not of progress either: somebody has to open it.
    show::notice(&format!("Open this in a browser on this machine:\n{page}"));
    if !login.no_browser {
        open(&page);
    }
    let code = callback.wait(&asked.state, &issuer.name)?;
    let token = issuer.token(&asked, &code)?;
    let expires_at = token
        .expires_in
        .and_then(|seconds| now().checked_add(SignedDuration::from_secs(seconds)).ok());

    // Kept only if the API takes it.
    let secret = Secret(token.access);
    let client = Client::new(Sender::new(Some(secret.clone()), patience), &api, None);
    let who = client.get(&SESSION, None, &[])?.value;
    store::write(
        &settings::folder()?,
        &Saved { api: api.clone(), access_token: secret.0, expires_at },
    )?;
    if common.json {
        let (subject, organization_id) = (who.subject, who.organization_id);
        return show::json(&json!({ "api": api, "subject": subject,
            "organization_id": organization_id, "expires_at": expires_at }));
    }
    let name = who.email.or(who.name).unwrap_or(who.subject);
    let organization = who.organization_name.unwrap_or(who.organization_id);
    let until = expires_at.map(|end| format!(", until {}", show::time(end)));
    show::line(&format!("signed in as {name}, of {organization}{}", until.unwrap_or_default()))
}

pub(crate) fn logout(json: bool) -> Result<()> {
    let was = store::remove(&settings::folder()?)?;
    if json {
        return show::json(&json!({ "signed_out": was }));
    }
    show::line(if was { "signed out: the token is forgotten" } else { "you were not signed in" })
}

/// With what the desktop opens addresses with. Where that is not there, the person does it.
fn open(page: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    let command = command.arg(page).stdin(Stdio::null()).stdout(Stdio::null());
    drop(command.stderr(Stdio::null()).spawn());
}
