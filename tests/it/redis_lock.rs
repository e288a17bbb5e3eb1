//! Who holds a lock may be paused beyond its lease and not know: the fence refuses what they write
//! when they wake.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use shared::redis::{Key, Redis};
use tests::cache::patient;
use uuid::Uuid;

const LEASE: Duration = Duration::from_millis(50);

fn redis() -> Result<Redis> {
    patient()
}

/// What the lock protects: it takes a write only with the highest fence it has seen.
#[derive(Default)]
struct Resource {
    fence: i64,
    writes: Vec<String>,
}

impl Resource {
    fn write(&mut self, fence: i64, text: String) -> bool {
        if fence < self.fence {
            return false;
        }
        self.fence = fence;
        self.writes.push(text);
        true
    }
}

/// A process of its own that takes the lock, says its fence, and on a word writes under it.
struct Holder {
    child: Child,
    hear: BufReader<ChildStdout>,
    tell: ChildStdin,
}

impl Holder {
    fn start(tenant: Uuid) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([
            "--exact",
            "redis_lock::f18_a_holder_in_a_process_of_its_own",
            "--nocapture",
        ]);
        command.env("LOCK_HOLDER", tenant.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let hear = BufReader::new(child.stdout.take().context("no output")?);
        let tell = child.stdin.take().context("no input")?;
        Ok(Self { child, hear, tell })
    }

    /// The number that follows this word.
    fn hears(&mut self, word: &str) -> Result<i64> {
        let mut line = String::new();
        while self.hear.read_line(&mut line)? > 0 {
            if let Some((_, number)) = line.split_once(word) {
                return Ok(number.trim().parse()?);
            }
            line.clear();
        }
        anyhow::bail!("it ended before it said `{word}`")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = Pid::from_raw(self.child.id().try_into()?).context("a process id")?;
        Ok(kill_process(id, signal)?)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test by itself: the other process of the one below.
#[tokio::test]
async fn f18_a_holder_in_a_process_of_its_own() -> Result<()> {
    let Ok(tenant) = std::env::var("LOCK_HOLDER") else { return Ok(()) };
    let (redis, scope) = (redis()?, Key::tenant(tenant.parse()?));
    let mut words = std::io::stdin().lines();
    while let Some(word) = words.next() {
        match word?.as_str() {
            "take" => {
                let lock = redis.lock(&scope, "door", LEASE).await?.context("somebody has it")?;
                println!("FENCE {}", lock.fence);
                // Paused here, with the lock in hand; on waking it writes, for it knows of nothing.
                words.next().context("no word")??;
                println!("WRITE {}", lock.fence);
                ensure!(!redis.unlock(lock).await?, "it was somebody else's by then");
            }
            _ => break,
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_holder_that_was_stopped_beyond_its_lease_is_refused_by_the_fence() -> Result<()> {
    let rounds = std::env::var("LOCK_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let tenant = Uuid::now_v7();
    let (redis, scope) = (redis()?, Key::tenant(tenant));
    let mut holder = Holder::start(tenant)?;
    let mut resource = Resource::default();
    for round in 0..rounds {
        writeln!(holder.tell, "take")?;
        let paused = holder.hears("FENCE ")?;
        assert!(resource.write(paused, format!("{round}: first")));
        holder.signal(Signal::STOP)?;
        tokio::time::sleep(2 * LEASE).await;
        let next = redis.lock(&scope, "door", 100 * LEASE).await?.context("the lease ran out")?;
        assert!(next.fence > paused, "{} after {paused}", next.fence);
        assert!(resource.write(next.fence, format!("{round}: next")));
        holder.signal(Signal::CONT)?;
        writeln!(holder.tell, "wake")?;
        let late = holder.hears("WRITE ")?;
        assert_eq!(late, paused);
        assert!(!resource.write(late, format!("{round}: late")), "the late write was taken");
        assert!(redis.unlock(next).await?, "the late one took our lock away");
    }
    assert_eq!(resource.writes.len(), 2 * rounds);
    assert!(!resource.writes.iter().any(|write| write.ends_with("late")));
    tests::tell(&format!("F18: {rounds} holders stopped and woken, 0 late writes taken"));
    Ok(())
}

#[tokio::test]
async fn f18_fences_grow_even_when_redis_forgot_the_last_one() -> Result<()> {
    let server = tests::cache::Server::start(&[]).await?;
    let redis = tests::cache::client(server.port);
    let scope = Key::tenant(Uuid::nil());
    let mut last = 0;
    for round in 0..20 {
        let lock = redis.lock(&scope, "door", LEASE).await?.context("it is free")?;
        assert!(lock.fence > last, "{} after {last}", lock.fence);
        last = lock.fence;
        assert!(redis.lock(&scope, "door", LEASE).await?.is_none(), "two have it");
        assert!(redis.hold(&lock, LEASE).await?);
        if round % 2 == 0 {
            server.say(&["FLUSHALL"]).await?;
            assert!(!redis.hold(&lock, LEASE).await?, "what is forgotten is not held");
        } else {
            assert!(redis.unlock(lock).await?);
        }
    }
    Ok(())
}
