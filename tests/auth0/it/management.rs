//! `/api/v2`, its limits, its events, and what goes wrong on demand.

use auth0::events::{Flush, Stream};
use auth0::{Auth0, Fault, Kind, Rate};
use serde_json::{Value, json};

use crate::{browser, post, start};

async fn token(auth0: &Auth0) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "management"),
        ("client_secret", "management-secret"),
        ("audience", &format!("{}api/v2/", auth0.issuer)),
    ];
    post(auth0, &form).await.1["access_token"].as_str().unwrap().to_owned()
}

async fn call(auth0: &Auth0, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = browser()
        .request(method.parse().unwrap(), format!("{}api/v2/{path}", auth0.issuer))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn users_organizations_and_roles_come_and_go_and_events_tell_of_them() {
    let auth0 = start();
    let token = token(&auth0).await;
    let call = async |method: &str, path: &str, body: Value| {
        call(&auth0, &token, method, path, &body).await
    };
    let new = json!({ "email": "Zoe@example.test", "connection": "c", "password": "p" });
    let (status, zoe) = call("POST", "users", new.clone()).await;
    assert_eq!((status, &zoe["email"]), (201, &"zoe@example.test".into()));
    assert_eq!(call("POST", "users", new).await.0, 409);
    let id = zoe["user_id"].as_str().unwrap().to_owned();
    let path = format!("users/{}", id.replace('|', "%7C"));
    let change = json!({ "app_metadata": { "cadre": 1 }, "blocked": true });
    assert_eq!(call("PATCH", &path, change).await.1["app_metadata"]["cadre"], 1);
    let found = call("GET", "users-by-email?email=zoe@example.test", json!(null)).await.1;
    assert_eq!(found[0]["user_id"], id.as_str());
    let query = "users?q=email:%22zoe@example.test%22&include_totals=true";
    assert_eq!(call("GET", query, json!(null)).await.1["total"], 1);

    let organization = call("POST", "organizations", json!({ "name": "acme" })).await.1;
    let members = format!("organizations/{}/members", organization["id"].as_str().unwrap());
    assert_eq!(call("POST", &members, json!({ "members": [id] })).await.0, 204);
    let roles = format!("{members}/{}/roles", id.replace('|', "%7C"));
    assert_eq!(call("POST", &roles, json!({ "roles": ["rol_viewer"] })).await.0, 204);
    assert_eq!(call("GET", &roles, json!(null)).await.1[0]["name"], "viewer");
    assert_eq!(call("DELETE", &path, json!(null)).await.0, 204);
    assert_eq!(call("GET", &path, json!(null)).await.0, 404);
    let kinds: Vec<_> = auth0.sim.events.all().iter().map(|event| event["type"].clone()).collect();
    let expected = [
        "user.created",
        "user.updated",
        "organization.created",
        "organization.member.added",
        "organization.member.role.assigned",
        "user.deleted",
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn keys_rotate_and_a_revoked_one_is_gone() {
    let auth0 = start();
    let token = token(&auth0).await;
    let published = async || -> Vec<Value> {
        let answer = browser().get(format!("{}.well-known/jwks.json", auth0.issuer)).send().await;
        let set: Value = answer.unwrap().json().await.unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    let before = published().await;
    assert_eq!(before.len(), 2, "current and next");
    let rotated = call(&auth0, &token, "POST", "keys/signing/rotate", &json!(null)).await;
    assert_eq!((rotated.0, &rotated.1["kid"]), (201, &before[1]), "the next key signs now");
    assert_eq!(published().await.len(), 3, "the previous is still believed");
    let path = format!("keys/signing/{}/revoke", before[0].as_str().unwrap());
    assert_eq!(call(&auth0, &token, "PUT", &path, &json!(null)).await.0, 200);
    assert!(!published().await.contains(&before[0]));
}

#[tokio::test]
async fn a_bucket_that_is_empty_says_until_when() {
    let auth0 = start();
    let token = token(&auth0).await;
    auth0.sim.set_rate(Rate { burst: 2, per_second: 0.5 });
    let call = async || call(&auth0, &token, "GET", "roles", &json!(null)).await;
    assert_eq!((call().await.0, call().await.0), (200, 200));
    assert_eq!(call().await.1["errorCode"], "too_many_requests");
    let request = browser().get(format!("{}api/v2/roles", auth0.issuer));
    let answer = request.header("authorization", format!("Bearer {token}")).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    let reset: i64 = answer.headers()["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    let ahead = reset - jiff::Timestamp::now().as_second();
    assert!((1..=2).contains(&ahead), "{ahead} seconds ahead");
    assert_eq!(auth0.sim.counted(), (2, 2));
}

#[tokio::test]
async fn faults_strike_as_often_as_they_are_told() {
    let auth0 = start();
    let fault = |kind, times| Fault { path: "/.well-known/jwks".into(), kind, times };
    let ask = async || browser().get(format!("{}.well-known/jwks.json", auth0.issuer)).send().await;
    auth0.sim.set_faults(vec![fault(Kind::Status { status: 503 }, 2)]);
    for expected in [503, 503, 200] {
        assert_eq!(ask().await.unwrap().status(), expected);
    }
    auth0.sim.set_faults(vec![fault(Kind::Truncated, 1)]);
    let whole = async { ask().await?.bytes().await };
    assert!(whole.await.is_err(), "half of it");
    auth0.sim.set_faults(vec![fault(Kind::Garbage, 1)]);
    assert!(ask().await.unwrap().json::<Value>().await.is_err());
    assert!(ask().await.unwrap().json::<Value>().await.is_ok());
}

#[tokio::test]
async fn held_events_are_sent_as_often_and_in_the_order_that_is_asked_for() {
    let auth0 = start();
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let receive = axum::routing::post(async move |axum::Json(event): axum::Json<Value>| {
        sender.send(event["id"].clone()).unwrap();
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/", receive);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let authorization = "Bearer x".to_owned();
    auth0.sim.events.stream(Some(Stream { url, authorization, held: true }));
    let token = token(&auth0).await;
    for name in ["a", "b", "c", "d"] {
        let new = json!({ "name": name });
        assert_eq!(call(&auth0, &token, "POST", "organizations", &new).await.0, 201);
    }
    let delivered = auth0.sim.events.flush(Flush { copies: 3, seed: 7 }).await;
    assert_eq!((delivered.sent, delivered.refused), (12, 0));
    let mut ids = Vec::new();
    while let Ok(id) = received.try_recv() {
        ids.push(id);
    }
    let order: Vec<_> = auth0.sim.events.all().iter().map(|event| event["id"].clone()).collect();
    assert!(order.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 3));
    assert_ne!(ids, order.iter().flat_map(|id| vec![id.clone(); 3]).collect::<Vec<_>>());
}
