//! The signing keys: who may be believed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answers::{Answer, Refused};
use crate::sim::{Sim, locked};

pub(super) async fn list(State(sim): State<Arc<Sim>>) -> Json<Value> {
    Json(locked(&sim.keys).list().into())
}

pub(super) async fn rotate(State(sim): State<Arc<Sim>>) -> Answer<(StatusCode, Json<Value>)> {
    let kid = locked(&sim.keys).rotate().map_err(|why| Refused::invalid(&why.to_string()))?;
    Ok((StatusCode::CREATED, Json(json!({ "kid": kid, "cert": "" }))))
}

pub(super) async fn revoke(State(sim): State<Arc<Sim>>, Path(kid): Path<String>) -> Answer {
    let revoked = locked(&sim.keys).revoke(&kid);
    match revoked.ok_or_else(|| Refused::missing("The key does not exist."))? {
        Ok(()) => Ok(Json(json!({ "kid": kid, "cert": "" }))),
        Err(why) => Err(Refused::invalid(&why.to_string())),
    }
}
