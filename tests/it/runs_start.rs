//! Starting a run with an `Idempotency-Key` starts it once, however often it is asked for.

use anyhow::Result;
use serde_json::{Value, json};
use shared::app::Parts;
use tests::crash::{self, dies_after};
use tests::scripted::Script;
use tests::{House, Organization, Person, Reply};
use tokio::task::JoinSet;

use crate::team;

async fn post(person: &Person<'_>, key: &str, body: &Value) -> Result<Reply> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    person.send("POST", "/v1/runs", &headers, body.to_string()).await
}

fn brief(text: &str) -> Value {
    json!({ "workflow": "five", "brief": text })
}

fn replayed(reply: &Reply) -> bool {
    reply.headers.get("idempotent-replayed").is_some_and(|yes| yes == "true")
}

/// Runs, messages that start one, and audit rows: each once a run.
async fn counted(house: &House, org: &Organization<'_>) -> Result<[i64; 3]> {
    let sql = "-- it::counted
        select (select count(*) from runs) as runs,
               (select count(*) from outbox where topic = 'run.start') as told,
               (select count(*) from audit_log where action = 'run.started') as noted";
    let row = house.app.db()?.tenant(org.tenant(), async |tx| tx.one(sql, &[]).await).await?;
    Ok([row.try_get("runs")?, row.try_get("told")?, row.try_get("noted")?])
}

#[tokio::test]
async fn the_same_key_and_body_give_the_same_run() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let first = post(&ada, "k", &brief("A shop.")).await?;
    assert!(!replayed(&first));
    let second = post(&ada, "k", &brief("A shop.")).await?;
    assert!(replayed(&second));
    assert_eq!(first.expect(202)["id"], second.expect(202)["id"]);
    assert_eq!(counted(&house, &org).await?, [1, 1, 1]);

    // Another order of the same fields is the same request.
    let turned = r#"{ "brief": "A shop.", "workflow": "five" }"#;
    let turned: Value = serde_json::from_str(turned)?;
    assert!(replayed(&post(&ada, "k", &turned).await?));
    Ok(())
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    post(&ada, "k", &brief("A shop.")).await?.expect(202);
    let other = post(&ada, "k", &brief("A ship.")).await?;
    assert_eq!(other.problem(422), "idempotency-key-reused");
    assert_eq!(counted(&house, &org).await?, [1, 1, 1]);
    Ok(())
}

#[tokio::test]
async fn a_key_belongs_to_its_organization_and_a_refused_request_does_not_use_it_up() -> Result<()>
{
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    let (ada, eve) = (ours.admin(), theirs.admin());
    let refused = post(&ada, "k", &brief("A shop.")).await?;
    assert_eq!(refused.problem(422), "workflow-missing");

    team::five_steps(&ada).await?;
    team::five_steps(&eve).await?;
    let mine = post(&ada, "k", &brief("A shop.")).await?;
    let other = post(&eve, "k", &brief("A shop.")).await?;
    assert!(!replayed(&mine) && !replayed(&other));
    assert_ne!(mine.expect(202)["id"], other.expect(202)["id"]);

    let long = "k".repeat(256);
    assert_eq!(post(&ada, &long, &brief("A shop.")).await?.problem(422), "invalid");
    Ok(())
}

/// Fifty requests with one key at the same time.
async fn fifty(
    house: &'static House,
    org: &Organization<'_>,
    body: fn(usize) -> Value,
) -> Result<Vec<Reply>> {
    let claims = json!({ "sub": "ada", "org_id": org.org_id, "permissions": tests::EVERYTHING });
    let token = house.signer.token(&claims);
    let mut posts = JoinSet::new();
    for n in 0..50 {
        let (ada, body) = (house.with_token(&token), body(n));
        posts.spawn(async move { post(&ada, "k", &body).await });
    }
    posts.join_all().await.into_iter().collect()
}

/// Nothing keeps answers: only the unique key of the record stands between two runs.
fn record_alone() -> Result<House> {
    let [gone] = local::ports::free()?;
    let dynamo = tests::dynamo::at(&format!("http://127.0.0.1:{gone}"));
    House::of(Script::echo(), Parts { dynamo: dynamo.into(), ..Parts::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p6_fifty_requests_with_one_key_start_one_run() -> Result<()> {
    let house: &'static House = Box::leak(Box::new(record_alone()?));
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let replies = fifty(house, &org, |_| brief("A shop.")).await?;
    assert_eq!(replies.iter().filter(|reply| !replayed(reply)).count(), 1);
    let ids: Vec<Value> =
        replies.into_iter().map(|reply| reply.expect(202)["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(counted(house, &org).await?, [1, 1, 1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_different_requests_with_one_key_start_one_run_and_refuse_the_others() -> Result<()> {
    let house: &'static House = Box::leak(Box::new(House::open()?));
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let replies = fifty(house, &org, |n| brief(&format!("Shop {n}."))).await?;
    let (started, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 202);
    assert_eq!(started.len(), 1);
    for reply in refused {
        assert_eq!(reply.problem(422), "idempotency-key-reused");
    }
    assert_eq!(counted(house, &org).await?, [1, 1, 1]);
    Ok(())
}

#[tokio::test]
async fn a_start_that_dies_after_any_of_its_polls_and_is_asked_for_again_starts_once() -> Result<()>
{
    let house = record_alone()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let mut died = 0;
    for polls in 1.. {
        let key = format!("k{polls}");
        let survived = dies_after(polls, post(&ada, &key, &brief("A shop."))).await;
        post(&ada, &key, &brief("A shop.")).await?.expect(202);
        assert_eq!(counted(&house, &org).await?, [i64::from(polls); 3], "poll {polls}");
        if survived.is_some() {
            break;
        }
        died += 1;
    }
    println!("died after each of {died} polls");
    assert!(died >= 4, "{died} polls cannot have reached every point");
    crash::ledger(house.app, org.tenant()).await
}
