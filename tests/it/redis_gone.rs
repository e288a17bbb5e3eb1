//! Redis stopped, hung up, silent and frozen: nobody is refused for it, and nobody waits long.

use std::time::{Duration, Instant};

use anyhow::Result;
use shared::gate::Gate;
use shared::redis::Gone;
use tests::cache::{Line, Mode, Server, client};
use tests::scripted::Script;
use tests::{House, Person, generous};

/// Requests in each state: a hundredth of them may be slow.
const REQUESTS: usize = 200;

/// How long each took, in order of length; all were answered.
async fn times(person: &Person<'_>) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let started = Instant::now();
        person.get("/v1/agents?limit=1").await?.expect(200);
        times.push(started.elapsed());
    }
    times.sort();
    Ok(times)
}

fn p99(times: &[Duration]) -> Duration {
    times[times.len() * 99 / 100 - 1]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f14_without_redis_every_request_is_answered_and_p99_grows_by_100_ms_at_most() -> Result<()>
{
    let server = Server::start(&[]).await?;
    let line = Line::to(server.port).await?;
    let house = House::with(Script::echo(), client(line.port), Gate::new(generous()?))?;
    let ada = house.organization().admin();
    times(&ada).await?;
    let usual = times(&ada).await?;
    tests::tell(&format!("F14 with Redis: p50 {:?}, p99 {:?}", usual[REQUESTS / 2], p99(&usual)));
    for trouble in ["silent", "hung up", "frozen", "killed"] {
        match trouble {
            "silent" => line.set(Mode::Silent),
            "hung up" => line.set(Mode::HangUp),
            "frozen" => server.freeze()?,
            _ => server.kill(),
        }
        let without = times(&ada).await?;
        let (p50, most) = (without[REQUESTS / 2], p99(&without));
        tests::tell(&format!(
            "F14 {trouble}: p50 {p50:?}, p99 {most:?}, longest {:?}",
            without[REQUESTS - 1]
        ));
        let added = most.saturating_sub(p99(&usual));
        assert!(added <= Duration::from_millis(100), "{trouble}: p99 {most:?}, {added:?} more");
        match trouble {
            "frozen" => server.thaw()?,
            "killed" => server.begin().await?,
            _ => line.set(Mode::Through),
        }
        let since = Instant::now();
        while house.app.redis()?.ping().await.is_err() {
            assert!(since.elapsed() < Duration::from_secs(5), "{trouble}: it does not come back");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tests::tell(&format!("F14 {trouble}: back after {:?}", since.elapsed()));
    }
    Ok(())
}

#[tokio::test]
async fn f14_after_a_failure_nobody_waits_for_a_second() -> Result<()> {
    let server = Server::start(&[]).await?;
    let line = Line::to(server.port).await?;
    let redis = client(line.port);
    redis.ping().await?;
    line.set(Mode::Silent);
    let started = Instant::now();
    assert_eq!(redis.ping().await, Err(Gone));
    let first = started.elapsed();
    assert!(first < Duration::from_millis(100), "{first:?}");
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(redis.ping().await, Err(Gone));
    }
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test]
async fn f14_a_connection_that_was_closed_while_idle_costs_nobody_an_error() -> Result<()> {
    let server = Server::start(&[]).await?;
    let redis = client(server.port);
    for _ in 0..20 {
        redis.ping().await?;
        server.say(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await?;
    }
    redis.ping().await?;
    Ok(())
}
