//! `GET /account`: the account page: who is signed in, where, and how to end it.

use axum::extract::State;
use axum::http::HeaderMap;
use shared::http::Page;
use shared::page::PageQuery;
use shared::{App, Caller, Result};

use crate::session::who_asks;
use crate::{page, queries};

pub(crate) const PATH: &str = "/account";
/// More sessions than anybody has.
const MOST: u32 = 100;

pub async fn handle(State(app): State<App>, caller: Caller, headers: HeaderMap) -> Result<Page> {
    let (tenant, user) = (caller.tenant, caller.user);
    let who = who_asks(app, caller, &headers).await?;
    let current = who.session.as_ref().map(|session| session.id);
    let window = PageQuery::new(Some(MOST), None).by_id()?;
    let sessions =
        app.db()?.tenant(tenant, async |tx| queries::of_user(tx, user, current, &window).await);
    let html = page::account(&who, &sessions.await?);
    // A form's answer may lead to the issuer, and browsers hold that against the form.
    Ok(Page { html, forms_lead_to: vec![app.sign_in()?.issuer.clone()] })
}
