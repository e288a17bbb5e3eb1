//! `GET /scim/v2/Users`: the directory's people, filtered and paged.

use axum::extract::State;
use shared::http::{Query, Scim};
use shared::{App, Caller, Result};

use crate::crud;
use crate::model::{self, List};
use crate::schema::Kind;

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<model::Query>,
) -> Result<Scim<List>> {
    crud::list(app, caller, &[Kind::User], query).await
}
