//! A master dies, is demoted, or is still loading: the client finds the next one by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use shared::config::Topology;
use shared::redis::{Key, Redis};
use tests::cache::{Line, Server, client, settings};
use tests::crash::until;
use tokio::task::JoinSet;
use uuid::Uuid;

const LIFE: Duration = Duration::from_mins(1);

/// A master, its replica, and three who watch them.
struct Trio {
    servers: [Server; 2],
    sentinels: [Server; 3],
}

impl Trio {
    async fn start() -> Result<Self> {
        let master = Server::start(&[]).await?;
        let of = format!("127.0.0.1 {}", master.port);
        let replica =
            Server::start(&["--replicaof", &of, "--repl-diskless-sync-delay", "0"]).await?;
        let port = master.port;
        let sentinels = [
            Server::sentinel(port).await?,
            Server::sentinel(port).await?,
            Server::sentinel(port).await?,
        ];
        let trio = Self { servers: [master, replica], sentinels };
        for sentinel in &trio.sentinels {
            until("the sentinels know each other and the replica", async || {
                let known = sentinel.text(&["SENTINEL", "CKQUORUM", "cadre"]).await.is_ok();
                let of = sentinel.text(&["SENTINEL", "REPLICAS", "cadre"]).await?;
                let others = sentinel.text(&["SENTINEL", "SENTINELS", "cadre"]).await?;
                let others =
                    others.matches("s_down_reply").count() + others.matches("runid").count();
                Ok(known && of.contains("slave") && others >= 2)
            })
            .await?;
        }
        Ok(trio)
    }

    fn client(&self) -> Redis {
        let ports = self.sentinels.each_ref().map(|sentinel| sentinel.port);
        Redis::new(settings(&ports, Topology::Sentinel("cadre".into())))
    }
}

#[derive(Default)]
struct Tally {
    answers: AtomicU64,
    gone: AtomicU64,
    lost: AtomicU64,
    over: AtomicBool,
}

/// Writes 1, 2, 3 … under a key of its own and reads it back. What it reads was written there, by
/// itself; what a failover loses may be gone, and that is all.
async fn work(redis: Arc<Redis>, tally: Arc<Tally>, own: u128) -> Result<()> {
    let key = Key::tenant(Uuid::from_u128(own)).key("work", &["own"]);
    let mut written: u64 = 0;
    while !tally.over.load(Ordering::Relaxed) {
        let next = format!("{own}:{}", written + 1);
        if redis.set(&key, next.as_bytes(), LIFE).await.is_ok() {
            written += 1;
        } else {
            tally.gone.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let Ok(read) = redis.get(&key).await else { continue };
        tally.answers.fetch_add(1, Ordering::Relaxed);
        let Some(read) = read else { continue };
        let read = String::from_utf8(read)?;
        let (whose, number) = read.split_once(':').unwrap_or_default();
        let number: u64 = number.parse()?;
        ensure!(whose == own.to_string() && number <= written + 1, "{own} read {read}");
        if number < written {
            tally.lost.fetch_add(1, Ordering::Relaxed);
            written = number;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_a_killed_master_is_replaced_under_load_within_5_s_and_no_read_is_wrong() -> Result<()>
{
    let trio = Trio::start().await?;
    let redis = Arc::new(trio.client());
    let tally = Arc::new(Tally::default());
    redis.ping().await?;
    let mut workers = JoinSet::new();
    for own in 0..8 {
        workers.spawn(work(Arc::clone(&redis), Arc::clone(&tally), own));
    }
    let enough = async |more: u64| {
        let wanted = tally.answers.load(Ordering::Relaxed) + more;
        until("answers", async || Ok(tally.answers.load(Ordering::Relaxed) >= wanted)).await
    };
    enough(500).await?;
    let mut master = 0;
    let rounds = std::env::var("FAILOVERS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for round in 0..rounds {
        trio.servers[master].kill();
        let since = Instant::now();
        let probe = Key::tenant(Uuid::nil()).key("work", &["probe"]);
        while redis.set(&probe, b"1", LIFE).await.is_err() {
            ensure!(
                since.elapsed() < Duration::from_secs(5),
                "no master for {:?}",
                since.elapsed()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tests::tell(&format!(
            "F15 round {round}: written again {:?} after the kill",
            since.elapsed()
        ));
        enough(500).await?;
        if round + 1 == rounds {
            break;
        }
        // The old one comes back, and the sentinels make it the replica of the new one.
        trio.servers[master].begin().await?;
        let (old, since) = (&trio.servers[master], Instant::now());
        while !old.text(&["INFO", "replication"]).await?.contains("master_link_status:up") {
            ensure!(since.elapsed() < Duration::from_mins(1), "it does not follow");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        master = 1 - master;
    }
    tally.over.store(true, Ordering::Relaxed);
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    tests::tell(&format!(
        "F15: {} reads, {} calls without an answer, {} values lost by the failovers",
        tally.answers.load(Ordering::Relaxed),
        tally.gone.load(Ordering::Relaxed),
        tally.lost.load(Ordering::Relaxed)
    ));
    Ok(())
}

#[tokio::test]
async fn f15_a_demoted_master_is_left_for_the_one_its_address_leads_to_now() -> Result<()> {
    let (old, new) = (Server::start(&[]).await?, Server::start(&[]).await?);
    let line = Line::to(old.port).await?;
    let redis = client(line.port);
    let key = Key::tenant(Uuid::nil()).key("work", &["one"]);
    redis.set(&key, b"1", LIFE).await?;
    // As a primary endpoint does: the old one is a replica at once, the address changes later.
    old.say(&["REPLICAOF", "127.0.0.1", &new.port.to_string()]).await?;
    assert!(redis.set(&key, b"2", LIFE).await.is_err(), "READONLY is no success");
    line.lead_to(new.port);
    let since = Instant::now();
    while redis.set(&key, b"3", LIFE).await.is_err() {
        ensure!(since.elapsed() < Duration::from_secs(5), "it stays with a replica");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tests::tell(&format!("F15 READONLY: written again after {:?}", since.elapsed()));
    assert_eq!(redis.get(&key).await?.as_deref(), Some(b"3".as_slice()));
    Ok(())
}

#[tokio::test]
async fn f15_a_server_that_is_still_loading_is_gone_and_then_there() -> Result<()> {
    let server = Server::start(&[
        "--key-load-delay",
        "100",
        "--loading-process-events-interval-bytes",
        "1024",
    ])
    .await?;
    let redis = client(server.port);
    let fill = "for i = 1, 15000 do redis.call('SET', 'k' .. i, i) end return 1";
    server.say(&["EVAL", fill, "0"]).await?;
    server.say(&["SAVE"]).await?;
    server.kill();
    server.begin().await?;
    let since = Instant::now();
    let mut loading = 0;
    while redis.ping().await.is_err() {
        let info = server.text(&["INFO", "persistence"]).await.unwrap_or_default();
        loading += u32::from(info.contains("loading:1"));
        ensure!(since.elapsed() < Duration::from_secs(10), "it never answers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tests::tell(&format!("F15 LOADING: answers again after {:?}", since.elapsed()));
    assert!(loading > 0, "it was never loading: this proves nothing");
    Ok(())
}
