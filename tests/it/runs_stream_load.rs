//! How soon a reader has the model's first word, and what five hundred readers of one run cost.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::follow::{Heard, follow};
use tests::scripted::{Reply, Script, now};
use tests::{House, drive};
use tokio::task::JoinSet;

use crate::crash::start;
use crate::runs_stream::record;
use crate::team;

const TURNS: usize = 40;
const READERS: usize = 500;

/// CPU time of this process so far.
fn cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("fields")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    // Linux counts in hundredths of a second, for every program.
    Ok(Duration::from_millis(ticks.sum::<Result<u64, _>>()? * 10))
}

fn share(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d5_the_models_first_word_is_with_the_reader_within_100_ms() -> Result<()> {
    // The first word says when it was sent.
    let reply = || Reply::Slow("{now} and a few more words".into(), Duration::from_millis(30));
    let house = House::with_model(Script::replies((0..TURNS + 10).map(|_| reply())))?;
    let org = house.organization();
    let ada = org.admin();
    for slug in ["ann", "ben"] {
        team::agent(&ada, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben"], "turns": TURNS });
    let steps = json!([{ "id": "talk", "kind": "room", "room": room, "document": "talk.md" }]);
    team::workflow(&ada, "room", steps).await?;
    let run = start(&org, &ada, "room").await?;
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let mut following = ada.follow(&run.run_id.to_string(), None).await?;
    let mut overhead = Vec::new();
    while let Some(event) = following.next().await? {
        if event.kind == "turn.text" && event.data["offset"] == 0 {
            let text = event.data["text"].as_str().context("a text")?;
            let sent: u128 = text.split(' ').next().unwrap_or_default().parse()?;
            overhead.push(Duration::from_micros(u64::try_from(now() - sent)?));
        }
    }
    assert_eq!(running.await??, "succeeded");
    overhead.sort();
    let (p50, p95) = (share(&overhead, 50), share(&overhead, 95));
    tests::tell(&format!(
        "D5: first word of {} turns, from the model's socket to the reader: p50 {p50:?}, p95 {p95:?}, \
         longest {:?}",
        overhead.len(),
        overhead[overhead.len() - 1]
    ));
    assert!(overhead.len() >= TURNS, "{}", overhead.len());
    assert!(p95 <= Duration::from_millis(100), "p95 {p95:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d5_five_hundred_readers_of_one_run_hear_every_byte() -> Result<()> {
    let text = "{now} ".to_owned() + &"and some more words to be read by many ".repeat(5);
    let reply = || Reply::Slow(text.clone(), Duration::from_millis(40));
    let house = House::with_model(Script::replies((0..10).map(|_| reply())))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let (id, token) = (run.run_id.to_string(), org.admin_token());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (router, id, token) = (house.router.clone(), id.clone(), token.clone());
        readers.spawn(async move {
            let mut heard = Heard::default();
            let mut overhead = Vec::new();
            let mut following = follow(router, &token, &id, None).await?;
            while let Some(event) = following.next().await? {
                heard.hear(&event)?;
                if event.kind == "turn.text" && event.data["offset"] == 0 {
                    let text = event.data["text"].as_str().context("a text")?;
                    let sent: u128 = text.split(' ').next().unwrap_or_default().parse()?;
                    overhead.push(Duration::from_micros(u64::try_from(now() - sent)?));
                }
            }
            Ok::<_, anyhow::Error>((heard, overhead))
        });
    }
    // All of them are there before it begins.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, since) = (cpu()?, Instant::now());
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let (mut all, mut overhead, mut pieces) = (Vec::new(), Vec::new(), 0);
    while let Some(reader) = readers.join_next().await {
        let (heard, late) = reader??;
        ensure!(heard.over && heard.resets == 0, "{:?}", heard.kinds);
        pieces += heard.pieces;
        overhead.extend(late);
        all.push(heard);
    }
    assert_eq!(running.await??, "succeeded");
    let (cpu, took) = (cpu()?.saturating_sub(before), since.elapsed());
    let (events, texts) = record(&ada, run).await?;
    for heard in &all {
        assert_eq!((&heard.events, &heard.texts), (&events, &texts));
    }
    overhead.sort();
    tests::tell(&format!(
        "D5: {READERS} readers of one run in one process: {took:?}, {pieces} pieces, CPU {cpu:?} of \
         readers, host and model together; first word p50 {:?}, p95 {:?}",
        share(&overhead, 50),
        share(&overhead, 95)
    ));
    Ok(())
}
