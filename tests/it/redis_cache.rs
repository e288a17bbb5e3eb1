//! Copies in Redis: one loads for all, what is not there is remembered too, and none of them is
//! another tenant's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;
use shared::Error;
use shared::redis::cache::Kind;
use shared::redis::{Key, Redis, System};
use tests::cache::{Server, client, patient};
use tests::crash::Dice;
use tokio::task::JoinSet;
use uuid::Uuid;

const KIND: Kind = Kind { name: "sample", life: Duration::from_mins(1) };

fn redis() -> Result<Redis> {
    patient()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_two_hundred_clients_on_an_expired_hot_key_load_it_once() -> Result<()> {
    // Ten processes' clients, twenty requests each.
    let redis: Vec<_> = (0..10).map(|_| redis().map(Arc::new)).collect::<Result<_>>()?;
    let tenant = Uuid::now_v7();
    for round in 0..3 {
        let loads = Arc::new(AtomicU32::new(0));
        redis[0].bump(&Key::tenant(tenant), KIND, &["hot"]).await?;
        let mut clients = JoinSet::new();
        for n in 0..200 {
            let (redis, loads) = (Arc::clone(&redis[n % 10]), Arc::clone(&loads));
            clients.spawn(async move {
                let scope = Key::tenant(tenant);
                let load = async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    // As long as a query takes; meanwhile the others come.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(Some(round))
                };
                redis.cached(&scope, KIND, &["hot"], load).await
            });
        }
        while let Some(client) = clients.join_next().await {
            assert_eq!(client??, Some(round));
        }
        let loads = loads.load(Ordering::SeqCst);
        tests::tell(&format!("F17 round {round}: 200 clients, {loads} load"));
        assert_eq!(loads, 1, "round {round}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_remembered_until_it_is_written() -> Result<()> {
    let (redis, scope) = (redis()?, Key::tenant(Uuid::now_v7()));
    let loads = AtomicU32::new(0);
    let look = async |found: Option<u8>| {
        let load = async {
            loads.fetch_add(1, Ordering::SeqCst);
            Ok(found)
        };
        redis.cached(&scope, KIND, &["x"], load).await
    };
    for _ in 0..3 {
        assert_eq!(look(None).await?, None);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    redis.bump(&scope, KIND, &["x"]).await?;
    for _ in 0..3 {
        assert_eq!(look(Some(7)).await?, Some(7));
    }
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    Ok(())
}

#[tokio::test]
async fn a_load_that_fails_is_no_copy_and_a_slow_one_does_not_bring_back_what_was_changed()
-> Result<()> {
    let (redis, scope) = (redis()?, Key::tenant(Uuid::now_v7()));
    let fails = async { Err::<Option<u8>, _>(Error::NotFound) };
    assert!(redis.cached(&scope, KIND, &["x"], fails).await.is_err());
    // It read the record, and then somebody changed it.
    let slow = async {
        redis.bump(&scope, KIND, &["y"]).await?;
        Ok(Some(1))
    };
    assert_eq!(redis.cached(&scope, KIND, &["y"], slow).await?, Some(1));
    let now = redis.cached(&scope, KIND, &["y"], async { Ok(Some(2)) }).await?;
    assert_eq!(now, Some(2), "the copy of before the change was given out");
    Ok(())
}

#[tokio::test]
async fn without_redis_everybody_loads() -> Result<()> {
    let server = Server::start(&[]).await?;
    let redis = client(server.port);
    server.kill();
    let scope = Key::tenant(Uuid::nil());
    assert_eq!(redis.cached(&scope, KIND, &["x"], async { Ok(Some(3)) }).await?, Some(3));
    Ok(())
}

#[tokio::test]
async fn t8_ten_thousand_reads_with_another_tenants_scope_find_nothing() -> Result<()> {
    const READS: usize = 10_000;
    let (redis, dice) = (redis()?, Dice::new());
    println!("CRASH_SEED={}", dice.seed);
    let (ours, theirs) = (Uuid::now_v7(), Uuid::now_v7());
    let odd = ["a", ":", "{", "}", "%", "*", "", "..", "é", "\0", "a:b"];
    let ours_as_text = format!("}}:{{{ours}}}");
    let mut found = 0;
    for n in 0..READS {
        let mut part = |_| odd[usize::from(dice.roll().to_le_bytes()[0]) % odd.len()].to_owned();
        let mut parts: Vec<String> = (0..3).map(&mut part).collect();
        // Somebody who tries to write their way into a foreign key.
        if n % 5 == 0 {
            parts[0].clone_from(&ours_as_text);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if n % 10 == 0 {
            redis.set(&Key::tenant(ours).key("x", &parts), b"ours", KIND.life).await?;
        }
        let foreign = match n % 3 {
            0 => Key::system(System::Addresses).key("x", &parts),
            _ => Key::tenant(theirs).key("x", &parts),
        };
        found += usize::from(redis.get(&foreign).await?.is_some());
    }
    tests::tell(&format!("T8 Redis: {READS} foreign reads, {found} found something"));
    assert_eq!(found, 0);
    Ok(())
}
