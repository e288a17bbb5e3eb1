//! ID tokens: what the issuer tells us, its client, of a person who just signed in.
//!
//! They open no door. They are looked at once, when a session begins.

use serde::Deserialize;
use serde_json::Value;

use super::Verifier;
use crate::{Error, Result};

/// How long ago one may have been issued: it comes straight from the issuer.
const OLDEST: i64 = 300;
const LEEWAY: i64 = 30;
const LONGEST: usize = 255;
const MOST: usize = 50;

/// Who signed in, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub sub: String,
    pub org_id: Option<String>,
    pub organization: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub roles: Vec<String>,
    pub factors: Vec<String>,
    pub acr: Option<String>,
    pub signed_in: Option<i64>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: String,
    auth_time: Option<i64>,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    org_id: Option<String>,
    org_name: Option<String>,
    email: Option<String>,
    name: Option<String>,
    /// Put there by an Action of the issuer, as those of access tokens are.
    #[serde(default, rename = "urn:cadre:roles")]
    roles: Vec<String>,
}

impl Verifier {
    /// The person of an ID token for this client, and for the sign-in that this nonce began.
    pub async fn identity(&self, token: &str, client: &str, nonce: &str) -> Result<Identity> {
        let (issuer, payload) = self.signed(token).await?;
        let identity = judge(&payload, &issuer, client, nonce, self.now());
        identity.map_err(|reason| {
            tracing::info!(auth.reason = reason, "ID token refused");
            Error::InvalidToken
        })
    }
}

fn judge(
    payload: &[u8],
    issuer: &str,
    client: &str,
    nonce: &str,
    now: i64,
) -> Result<Identity, &'static str> {
    let claims: Claims =
        serde_json::from_slice(payload).map_err(|_| "a claim is missing or wrong")?;
    if claims.iss != issuer {
        return Err("iss");
    }
    // For us alone: of a list somebody else could be the one it was made for.
    let ours = match &claims.aud {
        Value::String(one) => one == client,
        Value::Array(all) => all.len() == 1 && all[0] == client,
        _ => false,
    };
    if !ours || claims.azp.is_some_and(|azp| azp != client) {
        return Err("aud");
    }
    if nonce.is_empty() || claims.nonce != nonce {
        return Err("nonce");
    }
    if now >= claims.exp + LEEWAY || claims.iat > now + LEEWAY || now - claims.iat > OLDEST {
        return Err("time");
    }
    if claims.auth_time.is_some_and(|at| at > now + LEEWAY) {
        return Err("auth_time");
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST {
        return Err("sub");
    }
    let short = |text: Option<String>| {
        text.filter(|text| text.len() <= LONGEST && !text.chars().any(char::is_control))
    };
    let few =
        |all: Vec<String>| all.into_iter().filter_map(|t| short(Some(t))).take(MOST).collect();
    Ok(Identity {
        sub: claims.sub,
        org_id: claims.org_id,
        organization: short(claims.org_name),
        email: short(claims.email),
        name: short(claims.name),
        roles: few(claims.roles),
        factors: few(claims.amr),
        acr: short(claims.acr),
        signed_in: claims.auth_time,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::judge;

    const NOW: i64 = 1_800_000_000;

    fn good() -> Value {
        json!({
            "iss": "https://issuer/", "sub": "auth0|ada", "aud": "web", "exp": NOW + 600,
            "iat": NOW - 1, "nonce": "n", "auth_time": NOW - 5, "amr": ["pwd", "mfa"],
            "org_id": "org_1", "urn:cadre:roles": ["viewer"],
        })
    }

    fn verdict(claims: &Value) -> Result<super::Identity, &'static str> {
        judge(claims.to_string().as_bytes(), "https://issuer/", "web", "n", NOW)
    }

    #[test]
    fn a29_an_id_token_is_for_this_client_this_sign_in_and_now() {
        let identity = verdict(&good()).unwrap();
        assert_eq!((identity.sub.as_str(), identity.signed_in), ("auth0|ada", Some(NOW - 5)));
        assert_eq!((identity.factors.len(), identity.roles.len()), (2, 1));
        let wrong = [
            ("iss", json!("https://issuer")),
            ("iss", json!(null)),
            ("aud", json!("other")),
            ("aud", json!(["web", "other"])),
            ("aud", json!([])),
            ("azp", json!("other")),
            ("nonce", json!("m")),
            ("nonce", json!("")),
            ("nonce", json!(null)),
            ("exp", json!(NOW - 30)),
            ("exp", json!("2099-01-01")),
            ("iat", json!(NOW + 31)),
            ("iat", json!(NOW - 301)),
            ("auth_time", json!(NOW + 31)),
            ("sub", json!("")),
            ("amr", json!("mfa")),
        ];
        for (name, value) in wrong {
            let mut claims = good();
            claims[name] = value.clone();
            assert!(verdict(&claims).is_err(), "{name} = {value}");
        }
        assert!(judge(good().to_string().as_bytes(), "https://issuer/", "web", "", NOW).is_err());
        assert!(judge(b"not JSON", "https://issuer/", "web", "n", NOW).is_err());
    }
}
