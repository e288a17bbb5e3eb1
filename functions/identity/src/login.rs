//! `GET /auth/login`: send a browser to the issuer to sign in, or to show a second factor.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::http::{Query, SeeOther};
use shared::{App, Error, Result};

use crate::flow::Flow;
use crate::issuer::{self, Wish};
use crate::model::{LocalPath, OLDEST_SIGN_IN_SECONDS};
use crate::seal::Seal;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Where to go afterwards: a path of this host; without, the account page.
    #[serde(default)]
    return_to: LocalPath,
    /// How many seconds ago the person may have shown who they are; at most half a day.
    max_age: Option<u32>,
    /// What a challenge asked for, such as a second factor.
    acr_values: Option<String>,
    /// The organization to sign in to, for people who belong to several.
    organization: Option<String>,
}

#[expect(clippy::unused_async, reason = "every handler is async")]
pub async fn handle(State(app): State<App>, Query(login): Query<Login>) -> Result<SeeOther> {
    let settings = app.sign_in()?;
    let max_age = login.max_age.unwrap_or(OLDEST_SIGN_IN_SECONDS).min(OLDEST_SIGN_IN_SECONDS);
    let wish = Wish {
        max_age,
        acr_values: short("acr_values", login.acr_values.as_deref())?,
        organization: short("organization", login.organization.as_deref())?,
    };
    let flow = Flow::begin(login.return_to, app.auth()?.now())?;
    let cookie = flow.cookie(&Seal::new(&settings.session_key)?)?;
    Ok(SeeOther { to: issuer::authorize(settings, &flow, &wish)?, cookies: vec![cookie] })
}

fn short<'a>(name: &str, text: Option<&'a str>) -> Result<Option<&'a str>> {
    match text {
        Some(text)
            if text.len() > 200 || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') =>
        {
            Err(Error::Invalid(format!("{name} must be at most 200 visible ASCII characters")))
        }
        other => Ok(other.filter(|text| !text.is_empty())),
    }
}
