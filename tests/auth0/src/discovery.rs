//! Where everything is, and the keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::sim::{Sim, locked};

pub(crate) async fn configuration(State(sim): State<Arc<Sim>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", sim.issuer);
    Json(json!({
        "issuer": sim.issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("oauth/token"),
        "revocation_endpoint": at("oauth/revoke"),
        "jwks_uri": at(".well-known/jwks.json"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

pub(crate) async fn keys(State(sim): State<Arc<Sim>>) -> Json<Value> {
    Json(locked(&sim.keys).set())
}
