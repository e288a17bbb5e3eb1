//! `POST /scim/v2/.search`: people and groups at once, by a filter in the body.

use axum::extract::State;
use shared::http::{Scim, ScimBody};
use shared::{App, Caller, Result};

use crate::crud;
use crate::model::{List, Search};
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    ScimBody(search): ScimBody<Search>,
) -> Result<Scim<List>> {
    crud::list(app, caller, &[Kind::User, Kind::Group], search.into()).await
}
