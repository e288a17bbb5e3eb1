//! `/oauth/token` and `/oauth/revoke`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::claims::{self, About};
use crate::form::Form;
use crate::oauth::Refused;
use crate::sim::{Sim, locked, now, secret};
use crate::world::Client;

/// What a token for `/api/v2` may do here: all of it.
const MANAGEMENT_SCOPES: &str = "read:users create:users update:users delete:users read:roles \
    create:roles update:roles delete:roles read:organizations create:organizations \
    update:organizations delete:organizations read:organization_members \
    create:organization_members delete:organization_members read:organization_member_roles \
    create:organization_member_roles delete:organization_member_roles read:signing_keys \
    create:signing_keys update:signing_keys";

pub(crate) async fn exchange(
    State(sim): State<Arc<Sim>>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Refused> {
    let client = client(&sim, &headers, &form)?;
    let grant = form.get("grant_type");
    if !client.grants.contains(&grant) {
        let why = "this client may not use this grant type";
        return Err(Refused(StatusCode::FORBIDDEN, "unauthorized_client", why));
    }
    let answer = match grant {
        "authorization_code" => code(&sim, client.id, &form)?,
        "refresh_token" => refresh(&sim, client.id, &form)?,
        _ => machine(&sim, client.id, &form)?,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

pub(crate) async fn revoke(
    State(sim): State<Arc<Sim>>,
    headers: HeaderMap,
    form: Form,
) -> Result<StatusCode, Refused> {
    client(&sim, &headers, &form)?;
    locked(&sim.grants).families.revoke_token(form.get("token"));
    Ok(StatusCode::OK)
}

/// Who asks, by secret in the header or in the body; a public client by name alone.
fn client(sim: &Sim, headers: &HeaderMap, form: &Form) -> Result<Client, Refused> {
    let (id, secret) = match headers.get(header::AUTHORIZATION) {
        Some(value) => basic(value.to_str().unwrap_or_default()).ok_or_else(Refused::client)?,
        None => (form.get("client_id").to_owned(), form.get("client_secret").to_owned()),
    };
    let world = sim.world();
    let known = world.clients.iter().find(|client| client.id == id).ok_or_else(Refused::client)?;
    if known.secret.as_deref().unwrap_or_default() != secret {
        return Err(Refused::client());
    }
    Ok(known.clone())
}

fn basic(value: &str) -> Option<(String, String)> {
    let pair = BASE64_STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn code(sim: &Sim, client: &str, form: &Form) -> Result<Value, Refused> {
    let wrong = || Refused::grant("Invalid authorization code");
    let mut grants = locked(&sim.grants);
    let found = grants.codes.get(form.get("code")).ok_or_else(wrong)?.clone();
    if let Some(family) = found.used {
        // Twice is once too often: whoever was first may be the thief.
        grants.families.revoke(&family);
        return Err(wrong());
    }
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(form.get("code_verifier")));
    if found.request.client != client || found.until < now() {
        return Err(wrong());
    }
    if found.request.redirect != form.get("redirect_uri") {
        return Err(Refused::grant("The redirect URI is wrong"));
    }
    if found.request.challenge != challenge {
        return Err(Refused::grant("Failed to verify code verifier"));
    }
    let request = &found.request;
    let organization = found.organization.clone();
    let (family, refresh) = grants.families.begin(
        client,
        &found.session,
        organization.clone(),
        &request.scope,
        &request.audience,
    );
    if let Some(code) = grants.codes.get_mut(form.get("code")) {
        code.used = Some(family);
    }
    drop(grants);
    let about = About {
        client,
        session: &found.session,
        organization: organization.as_deref(),
        scope: &request.scope,
        audience: &request.audience,
    };
    let mut answer = answer(sim, &about);
    if request.asks("openid") {
        let aged = request.max_age.is_some();
        answer["id_token"] = claims::identity(sim, &about, &request.nonce, aged).into();
    }
    if request.asks("offline_access") {
        answer["refresh_token"] = refresh.into();
    }
    Ok(answer)
}

fn refresh(sim: &Sim, client: &str, form: &Form) -> Result<Value, Refused> {
    let overlap = sim.settings.overlap_seconds;
    let token = form.get("refresh_token");
    let rotated = locked(&sim.grants).families.rotate(client, token, overlap);
    let wrong = || Refused::grant("Unknown or invalid refresh token.");
    let (family, token) = rotated.ok_or_else(wrong)?;
    if sim.world().is_blocked(&family.session.user) {
        return Err(Refused(StatusCode::UNAUTHORIZED, "unauthorized", "user is blocked"));
    }
    let about = About {
        client,
        session: &family.session,
        organization: family.organization.as_deref(),
        scope: &family.scope,
        audience: &family.audience,
    };
    let mut answer = answer(sim, &about);
    answer["id_token"] = claims::identity(sim, &about, "", true).into();
    answer["refresh_token"] = token.into();
    Ok(answer)
}

fn answer(sim: &Sim, about: &About<'_>) -> Value {
    json!({
        "access_token": claims::access(sim, about), "token_type": "Bearer",
        "expires_in": sim.settings.token_seconds, "scope": about.scope,
    })
}

fn machine(sim: &Sim, client: &str, form: &Form) -> Result<Value, Refused> {
    let audience = form.get("audience");
    if audience == format!("{}api/v2/", sim.issuer) && client == "management" {
        let token = secret();
        let until = now() + 86_400;
        let scopes = (MANAGEMENT_SCOPES.to_owned(), until);
        // Ours alone reads it, so that it need not be signed; to a client every token is opaque.
        locked(&sim.grants).management.insert(token.clone(), scopes);
        return Ok(json!({
            "access_token": token, "token_type": "Bearer", "expires_in": 86_400,
            "scope": MANAGEMENT_SCOPES,
        }));
    }
    if audience != sim.settings.audience {
        let why = "Client is not authorized to access this audience";
        return Err(Refused(StatusCode::FORBIDDEN, "access_denied", why));
    }
    let asked = form.get("organization");
    let organization = if asked.is_empty() { "org_demo" } else { asked };
    if !sim.world().organizations.contains_key(organization) {
        return Err(Refused::request("no such organization"));
    }
    let (token, seconds) = claims::machine(sim, client, organization);
    Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds }))
}
