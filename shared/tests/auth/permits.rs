//! What a verified caller may do: nothing that a row does not say.

use axum::response::IntoResponse;
use serde_json::{Value, json};
use shared::Error;
use shared::auth::{Caller, Kind, permit};
use shared::table::{Access, Callers};
use uuid::Uuid;

use crate::issuer::{Issuer, NOW, token, with};

async fn caller(changes: Value) -> Caller {
    Issuer::new().verify(&token(&with(changes))).await.unwrap()
}

fn access(permission: &str, callers: Callers, mfa: bool) -> Access {
    Access { permission: Some(permission.into()), mfa, callers, ..Access::default() }
}

fn status(access: &Access, caller: &Caller) -> u16 {
    permit(access, caller, NOW).map_or_else(|error| error.status().as_u16(), |()| 200)
}

#[tokio::test]
async fn a25_a_caller_may_do_what_the_row_names_and_nothing_else() {
    let ada = caller(json!({})).await;
    assert_eq!(status(&access("agents:read", Callers::Anyone, false), &ada), 200);
    for other in ["agents:publish", "agents", "agents:*", "AGENTS:READ", "", "agents:read "] {
        assert_eq!(status(&access(other, Callers::Anyone, false), &ada), 403, "{other}");
    }
    let nothing = Access::default();
    assert_eq!(status(&nothing, &ada), 403, "a row that names no permission opens to nobody");
}

#[tokio::test]
async fn a25_a_route_for_people_is_closed_to_machines_and_the_other_way_round() {
    let person = caller(json!({})).await;
    let machine = caller(json!({ "gty": "client-credentials" })).await;
    let key = Caller { kind: Kind::Key(Uuid::nil()), ..person.clone() };
    for (callers, expected) in [
        (Callers::Anyone, [200, 200, 200]),
        (Callers::People, [200, 403, 403]),
        (Callers::Machines, [403, 200, 200]),
    ] {
        let row = access("agents:read", callers, false);
        let is = [&person, &machine, &key].map(|caller| status(&row, caller));
        assert_eq!(is, expected, "{callers:?}");
    }
}

#[tokio::test]
async fn a27_a_second_factor_must_have_been_shown_in_the_last_quarter_of_an_hour() {
    let row = access("agents:read", Callers::Anyone, true);
    let shown = |amr: Value, at: i64| json!({ "urn:cadre:amr": amr, "urn:cadre:auth_time": at });
    for (changes, expected) in [
        (shown(json!(["pwd", "mfa"]), NOW), 200),
        (shown(json!(["mfa"]), NOW - 900), 200),
        (shown(json!(["mfa"]), NOW - 901), 401),
        (shown(json!(["mfa"]), NOW + 1), 401),
        (shown(json!(["pwd"]), NOW), 401),
        (shown(json!([]), NOW), 401),
        (shown(json!("mfa"), NOW), 401),
        (shown(json!({ "mfa": true }), NOW), 401),
        (shown(json!(["mfa", 1]), NOW), 401),
        (shown(json!(["MFA"]), NOW), 401),
        (shown(json!(["mfa"]), 1), 401),
        (json!({ "urn:cadre:amr": ["mfa"] }), 401),
        (json!({ "urn:cadre:auth_time": NOW }), 401),
        (json!({ "amr": ["mfa"], "auth_time": NOW }), 401),
        (json!({ "urn:cadre:amr": ["mfa"], "auth_time": NOW }), 200),
    ] {
        assert_eq!(status(&row, &caller(changes.clone()).await), expected, "{changes}");
    }
    let none = caller(json!({ "permissions": [], "urn:cadre:amr": ["pwd"] })).await;
    assert_eq!(status(&row, &none), 403, "stepping up would not help who may not at all");
    let robot = json!({
        "gty": "client-credentials", "urn:cadre:amr": ["mfa"], "urn:cadre:auth_time": NOW,
    });
    assert_eq!(status(&row, &caller(robot).await), 403, "a machine has no second factor");
    let ada = caller(shown(json!(["mfa"]), NOW)).await;
    let key = Caller { kind: Kind::Key(Uuid::nil()), ..ada.clone() };
    assert_eq!(status(&row, &key), 403);
    let elsewhere = Caller { admin_client: false, ..ada };
    assert_eq!(status(&row, &elsewhere), 403, "a client that is not registered for it");
}

#[test]
fn a27_the_challenge_is_that_of_rfc_9470() {
    let response = Error::StepUp.into_response();
    assert_eq!(response.status(), 401);
    assert_eq!(
        response.headers()["www-authenticate"],
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"A different authentication level is required\", \
         acr_values=\"http://schemas.openid.net/pape/policies/2007/06/multi-factor\", \
         max_age=\"900\""
    );
}

#[test]
fn a16_the_challenge_for_a_refused_token_is_a_code_and_no_reason() {
    for (error, challenge) in [
        (Error::Unauthenticated, "Bearer"),
        (Error::InvalidToken, "Bearer error=\"invalid_token\""),
    ] {
        let body = error.problem();
        assert_eq!(body, Error::Unauthenticated.problem(), "one body for all");
        let response = error.into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], challenge);
    }
}
