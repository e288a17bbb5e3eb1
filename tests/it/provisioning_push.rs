//! The Management API: one token for all, within its limits, and one person of each however often
//! we are interrupted.

use std::time::Duration;

use anyhow::Result;
use auth0::{Auth0, Fault, Kind, Rate, Settings};
use provisioning::management::{Answer, Management};
use provisioning::push;
use serde_json::{Value, json};
use shared::{Secret, config};
use tests::crash::{Dice, until};
use tests::{House, Person};
use tokio::time::timeout;

use crate::record;
use crate::world::text;

fn settings(url: &str, issuer: &str, per_second: f64, burst: f64) -> config::Management {
    config::Management {
        url: url.into(),
        client_id: "management".into(),
        client_secret: Secret::new("management-secret".into()),
        audience: format!("{issuer}api/v2/"),
        connection: "people".into(),
        per_second,
        burst,
    }
}

fn fast(auth0: &Auth0) -> Management {
    auth0.sim.set_rate(Rate { burst: 100_000, per_second: 100_000.0 });
    Management::new(settings(&auth0.issuer, &auth0.issuer, 100_000.0, 100_000.0))
}

/// In front of the issuer: counts who asks for a token.
async fn counting(
    auth0: &Auth0,
) -> Result<(String, std::sync::Arc<std::sync::atomic::AtomicUsize>)> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let (counter, upstream) = (asked.clone(), auth0.issuer.clone());
    let forward = move |request: axum::extract::Request| {
        let (counter, upstream) = (counter.clone(), upstream.clone());
        async move {
            let (parts, body) = request.into_parts();
            let path =
                parts.uri.path_and_query().unwrap().as_str().trim_start_matches('/').to_owned();
            if path == "oauth/token" {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let mut on = reqwest::Client::new()
                .request(parts.method, format!("{upstream}{path}"))
                .body(body);
            for name in ["authorization", "content-type"] {
                if let Some(value) = parts.headers.get(name) {
                    on = on.header(name, value.clone());
                }
            }
            let answer = on.send().await.unwrap();
            (answer.status(), answer.bytes().await.unwrap())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let router = axum::Router::new().fallback(forward);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, asked))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a40_five_hundred_cold_functions_ask_for_one_token() -> Result<()> {
    let house = House::open()?;
    let auth0 = Auth0::start(Settings::default())?;
    auth0.sim.set_rate(Rate { burst: 100_000, per_second: 100_000.0 });
    let (url, asked) = counting(&auth0).await?;
    let redis = house.app.redis()?;
    let mut tasks = Vec::new();
    for _ in 0..500 {
        // Each a sandbox that knows nothing.
        let cold = Management::new(settings(&url, &auth0.issuer, 1000.0, 1000.0));
        tasks.push(tokio::spawn(async move { cold.token(redis).await.map(drop) }));
    }
    for task in tasks {
        task.await??;
    }
    let asked = asked.load(std::sync::atomic::Ordering::SeqCst);
    tests::tell(&format!("A40: 500 cold handlers, {asked} token requests"));
    assert!((1..=2).contains(&asked), "{asked} token requests");
    Ok(())
}

/// `UPDATES`: how many; 1,000 for a review.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a41_the_issuers_limits_are_kept_and_every_update_arrives() -> Result<()> {
    let house = House::open()?;
    let auth0 = Auth0::start(Settings::default())?;
    let size: u32 = std::env::var("UPDATES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let rate = Rate { burst: 10, per_second: 40.0 };
    auth0.sim.set_rate(rate);
    // Ours is set to more than theirs: what holds is what they say.
    let management = Management::new(settings(&auth0.issuer, &auth0.issuer, 60.0, 10.0));
    let redis = house.app.redis()?;
    for n in 0..size {
        let change = json!({ "user_metadata": { "n": n } });
        let sub = ["auth0%7Cada", "auth0%7Cbob", "auth0%7Ceve"][n as usize % 3];
        let answer = management
            .send(redis, reqwest::Method::PATCH, &format!("/users/{sub}"), &change)
            .await?;
        assert!(matches!(answer, Answer::Done(_)));
    }
    let (passed, limited) = auth0.sim.counted();
    tests::tell(&format!(
        "A41: {size} updates against a bucket of 10: {passed} passed, {limited} were told to wait"
    ));
    assert_eq!(passed, u64::from(size), "lost or doubled");
    assert!(limited * 100 <= u64::from(size), "{limited} of {size} got 429");
    let updates =
        auth0.sim.events.all().iter().filter(|event| event["type"] == "user.updated").count();
    assert_eq!(updates, size as usize);
    Ok(())
}

async fn person(who: &Person<'_>, name: &str) -> Result<String> {
    let body = json!({ "userName": name, "displayName": name, "emails": [{ "value": name, "primary": true }] });
    Ok(text(&who.post("/scim/v2/Users", body).await?.expect(201)["id"]))
}

/// `KILLS`: how many runs; 500 for a review.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a42_killed_between_the_call_and_the_commit_there_is_one_person_of_each() -> Result<()> {
    let house = House::open()?;
    let auth0 = Auth0::start(Settings::default())?;
    let management = fast(&auth0);
    let org = house.organization();
    let ada = org.admin();
    auth0.sim.world().add_organization(&org.org_id, "killed");
    let runs: usize = std::env::var("KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let dice = Dice::seeded(42);
    let (mut killed, mut lost) = (0, 0);
    for n in 0..runs {
        let id: uuid::Uuid = person(&ada, &format!("p{n}@killed.test")).await?.parse()?;
        for attempt in 0..8 {
            // Done, and nobody hears of it.
            if dice.up_to(3) == 1 && attempt < 4 {
                let kind = Kind::Lost { status: 502 };
                auth0.sim.set_faults(vec![Fault { path: "/api/v2/".into(), kind, times: 1 }]);
            }
            // Gone in the middle, whatever was under way: as the end of a process, nothing is tidied up.
            let patience = Duration::from_micros(if attempt < 5 {
                u64::from(dice.up_to(25_000))
            } else {
                10_000_000
            });
            let told = timeout(patience, push::one(house.app, &management, org.tenant(), id)).await;
            match told {
                Err(_) => killed += 1,
                Ok(Err(_)) => lost += 1,
                Ok(Ok(())) => {}
            }
            auth0.sim.set_faults(vec![]);
            again(&org.tenant(), id).await?;
        }
    }
    let people = auth0.sim.world().users.len();
    assert_eq!(people, runs + 3, "people at the issuer, with the three of the demonstration");
    let owner = record::owner().await?;
    owner.batch_execute(&format!("begin; select sec.enter('{}')", org.tenant())).await?;
    let rows = record::rows(&owner, "select count(distinct sub), count(*) from directory").await?;
    assert_eq!(rows[0], [runs.to_string(), runs.to_string()], "one row of each");
    let left = record::rows(&owner, "select count(*) from pushes where done < wanted").await?;
    assert_eq!(left[0][0], "0", "somebody was never told");
    let world = auth0.sim.world();
    assert_eq!(world.organizations[&org.org_id].members.len(), runs);
    tests::tell(&format!(
        "A42: {runs} people, {killed} kills, {lost} answers lost: one person of each, one row of each"
    ));
    Ok(())
}

/// The next attempt need not wait.
async fn again(tenant: &uuid::Uuid, id: uuid::Uuid) -> Result<()> {
    let owner = record::owner().await?;
    let now = format!("update pushes set due_at = now() where directory_id = '{id}'");
    owner.batch_execute(&format!("begin; select sec.enter('{tenant}'); {now}; commit")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivated_person_leaves_the_organization_and_stays_at_the_issuer() -> Result<()> {
    let house = House::open()?;
    let auth0 = Auth0::start(Settings::default())?;
    let management = fast(&auth0);
    let org = house.organization();
    let ada = org.admin();
    auth0.sim.world().add_organization(&org.org_id, "one");
    // Somebody whom the issuer knows already, under an id of its own.
    auth0.sim.world().add_user("auth0|before", "before@x.test", "p");
    let id = person(&ada, "before@x.test").await?;
    push::one(house.app, &management, org.tenant(), id.parse()?).await?;
    let is_member =
        |sub: &str| auth0.sim.world().organizations[&org.org_id].members.contains_key(sub);
    assert!(is_member("auth0|before"));
    let off = json!({ "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    ada.call("PATCH", &format!("/scim/v2/Users/{id}"), &off).await?.expect(200);
    // The tests share a database: another's minute may have taken this change up, and will give it back.
    until("the issuer is told", async || {
        again(&org.tenant(), id.parse()?).await?;
        push::one(house.app, &management, org.tenant(), id.parse()?).await?;
        Ok(!is_member("auth0|before"))
    })
    .await?;
    let profile: Value = auth0.sim.world().users["auth0|before"].profile.clone();
    assert_ne!(profile["blocked"], true, "blocked for other organizations too");
    Ok(())
}
