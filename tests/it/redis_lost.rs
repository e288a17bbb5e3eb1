//! Everything in Redis is lost while it is in use: it is never the truth, so nothing is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use shared::gate::Gate;
use shared::redis::cache::Kind;
use shared::redis::{Key, Redis};
use tests::cache::{Server, client};
use tests::scripted::Script;
use tests::{House, generous, team};
use tokio::task::JoinSet;
use uuid::Uuid;

const KIND: Kind = Kind { name: "truth", life: Duration::from_mins(5) };

/// What the record would say, and what it surely said when the last bump was through.
#[derive(Default)]
struct Truth {
    now: AtomicI64,
    told: AtomicI64,
    over: AtomicBool,
    reads: AtomicU64,
    loads: AtomicU64,
}

async fn write(redis: Arc<Redis>, truth: Arc<Truth>) -> Result<()> {
    let scope = Key::tenant(Uuid::nil());
    while !truth.over.load(Ordering::SeqCst) {
        let now = truth.now.fetch_add(1, Ordering::SeqCst) + 1;
        if redis.bump(&scope, KIND, &["one"]).await.is_ok() {
            truth.told.store(now, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    Ok(())
}

async fn read(redis: Arc<Redis>, truth: Arc<Truth>) -> Result<()> {
    let scope = Key::tenant(Uuid::nil());
    while !truth.over.load(Ordering::SeqCst) {
        let at_least = truth.told.load(Ordering::SeqCst);
        let value = redis.cached(&scope, KIND, &["one"], async {
            truth.loads.fetch_add(1, Ordering::SeqCst);
            Ok(Some(truth.now.load(Ordering::SeqCst)))
        });
        let value = value.await?;
        ensure!(
            value.is_some_and(|value| value >= at_least),
            "{value:?} after {at_least} was told"
        );
        truth.reads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_flushed_and_killed_in_mid_flight_no_copy_is_older_than_what_was_told() -> Result<()> {
    let server = Server::start(&[]).await?;
    let truth = Arc::new(Truth::default());
    let mut workers = JoinSet::new();
    workers.spawn(write(Arc::new(client(server.port)), Arc::clone(&truth)));
    for _ in 0..3 {
        let redis = Arc::new(client(server.port));
        workers.spawn(read(Arc::clone(&redis), Arc::clone(&truth)));
        workers.spawn(read(redis, Arc::clone(&truth)));
    }
    for round in 0..60 {
        tokio::time::sleep(Duration::from_millis(15)).await;
        if round % 20 == 19 {
            server.kill();
            server.begin().await?;
        } else {
            let _ = server.say(&["FLUSHALL"]).await;
        }
    }
    truth.over.store(true, Ordering::SeqCst);
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let (reads, loads) = (truth.reads.load(Ordering::SeqCst), truth.loads.load(Ordering::SeqCst));
    tests::tell(&format!(
        "F16: {reads} reads, {loads} of them from the record, {} writes",
        truth.now.load(Ordering::SeqCst)
    ));
    assert!(reads > 100 && loads < reads, "{reads} reads, {loads} loads");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_flushed_and_killed_in_mid_flight_the_product_answers_as_ever() -> Result<()> {
    let server = Server::start(&[]).await?;
    let house = House::with(Script::echo(), client(server.port), Gate::new(generous()?))?;
    let org = house.organization();
    let ada = org.admin();
    for n in 0..40 {
        match n % 8 {
            3 => server.kill(),
            5 => server.begin().await?,
            6 => drop(server.say(&["FLUSHALL"]).await),
            _ => {}
        }
        team::agent(&ada, &format!("agent-{n}")).await?;
        let reader = org.member("bob", &["agents:read"]);
        let listed = reader.get("/v1/agents?limit=100").await?.expect(200);
        ensure!(listed["items"].as_array().is_some_and(|items| items.len() == n + 1), "{listed}");
        let refused = reader.post("/v1/agents", json!({})).await?;
        assert_eq!(refused.problem(403), "forbidden");
        assert_eq!(house.stranger().get("/v1/agents").await?.problem(401), "unauthenticated");
    }
    Ok(())
}
