//! What tokens say, in Auth0's words.

use serde_json::{Value, json};

use crate::oauth::Session;
use crate::people;
use crate::sim::{Sim, locked, now, secret};

/// In front of claims that an Action adds, so that they are nobody else's.
pub(crate) const NAMESPACE: &str = "urn:cadre:";
/// A machine's token, as Auth0's default is.
const MACHINE_SECONDS: i64 = 24 * 60 * 60;

/// Whom a token is about, and what for.
pub(crate) struct About<'a> {
    pub(crate) client: &'a str,
    pub(crate) session: &'a Session,
    pub(crate) organization: Option<&'a str>,
    pub(crate) scope: &'a str,
    pub(crate) audience: &'a str,
}

fn factors(session: &Session) -> Vec<&'static str> {
    if session.second { vec!["pwd", "mfa"] } else { vec!["pwd"] }
}

/// For the API; without an audience it is opaque, and good for nothing but `/userinfo`.
pub(crate) fn access(sim: &Sim, about: &About<'_>) -> String {
    if about.audience.is_empty() {
        return secret();
    }
    let now = now();
    let known = people::permissions(&sim.settings);
    let user = &about.session.user;
    let granted = sim.world().permissions(user, about.organization, about.audience, &known);
    let openid = about.scope.split(' ').any(|scope| scope == "openid");
    // With `openid` the token is for /userinfo too.
    let audience = if openid {
        json!([about.audience, format!("{}userinfo", sim.issuer)])
    } else {
        json!(about.audience)
    };
    let mut claims = json!({
        "iss": sim.issuer, "sub": user, "aud": audience, "iat": now,
        "exp": now + sim.settings.token_seconds, "azp": about.client, "scope": about.scope,
        "jti": secret(), "permissions": granted, "sid": about.session.id,
    });
    claims[format!("{NAMESPACE}amr")] = json!(factors(about.session));
    claims[format!("{NAMESPACE}auth_time")] = about.session.since.into();
    if let Some(organization) = about.organization {
        claims["org_id"] = organization.into();
    }
    locked(&sim.keys).sign("JWT", &claims)
}

/// For the client: who signed in, and how.
pub(crate) fn identity(sim: &Sim, about: &About<'_>, nonce: &str, aged: bool) -> String {
    let now = now();
    let user = &about.session.user;
    let mut claims = json!({
        "iss": sim.issuer, "sub": user, "aud": about.client, "iat": now, "exp": now + 36_000,
        "sid": about.session.id, "amr": factors(about.session),
    });
    if !nonce.is_empty() {
        claims["nonce"] = nonce.into();
    }
    // Only who asked for an age is told the time.
    if aged {
        claims["auth_time"] = about.session.since.into();
    }
    if about.session.second {
        claims["acr"] = "http://schemas.openid.net/pape/policies/2007/06/multi-factor".into();
    }
    let world = sim.world();
    if let Some(organization) = about.organization {
        claims["org_id"] = organization.into();
        let name = world.organizations.get(organization).map(|org| &org.profile["name"]);
        claims["org_name"] = name.cloned().unwrap_or(Value::Null);
    }
    let roles = world.role_names(user, about.organization);
    claims[format!("{NAMESPACE}roles")] = json!(roles);
    if let Some(person) = world.users.get(user) {
        for name in ["email", "email_verified", "name", "nickname"] {
            claims[name] = person.profile[name].clone();
        }
    }
    drop(world);
    locked(&sim.keys).sign("JWT", &claims)
}

/// Of a client by its own credentials, for the API.
pub(crate) fn machine(sim: &Sim, client: &str, organization: &str) -> (String, i64) {
    let now = now();
    let claims = json!({
        "iss": sim.issuer, "sub": format!("{client}@clients"), "aud": sim.settings.audience,
        "iat": now, "exp": now + MACHINE_SECONDS, "azp": client, "gty": "client-credentials",
        "jti": secret(), "org_id": organization, "permissions": people::permissions(&sim.settings),
    });
    (locked(&sim.keys).sign("JWT", &claims), MACHINE_SECONDS)
}
