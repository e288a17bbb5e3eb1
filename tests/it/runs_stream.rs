//! A run is followed as it happens: nothing is lost, doubled or mixed, whoever serves it and however
//! often it is cut off.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use axum::Router;
use runs::model::RunRef;
use serde_json::json;
use shared::app::Parts;
use shared::auth::Verifier;
use shared::config;
use shared::db::Db;
use shared::gate::Gate;
use shared::{App, Error};
use tests::cache::{Line, Mode, Server, client};
use tests::crash::Dice;
use tests::follow::{Heard, follow};
use tests::scripted::{Reply, Script};
use tests::{House, Person, drive, generous};
use tokio::time::timeout;

use crate::crash::start;
use crate::team;

/// So many words, some of them with letters that are several bytes, and none twice in a row.
pub(crate) fn words(count: usize, mark: &str) -> String {
    let word = |n: usize| ["caf\u{e9}", "na\u{ef}ve", "\u{1f9ed}", "plain", "\"quoted\"\n"][n % 5];
    let words: Vec<_> = (0..count).map(|n| format!("{}{mark}{n}", word(n))).collect();
    words.join(" ")
}

/// Every answer takes a while.
pub(crate) fn slow(replies: usize, count: usize, pause: Duration) -> Script {
    let reply = |n: usize| Reply::Slow(words(count, &format!("-{n}-")), pause);
    Script::replies((0..replies).map(reply))
}

/// What is on record: events, and texts by step and turn.
pub(crate) async fn record(
    person: &Person<'_>,
    run: RunRef,
) -> Result<(Vec<i64>, BTreeMap<(String, i64), String>)> {
    let path = format!("/v1/runs/{}", run.run_id);
    let detail = person.get(&path).await?.expect(200);
    let mut texts = BTreeMap::new();
    for step in detail["steps"].as_array().into_iter().flatten() {
        let path = format!(
            "/v1/conversations/{}/messages?limit=100",
            step["conversation_id"].as_str().unwrap()
        );
        let page = person.get(&path).await?.expect(200);
        for message in page["items"].as_array().into_iter().flatten() {
            let turn =
                (step["id"].as_str().unwrap().to_owned(), message["sequence"].as_i64().unwrap());
            texts.insert(turn, message["content"].as_str().unwrap().to_owned());
        }
    }
    let events = person.get(&format!("{path}/events?limit=100")).await?.expect(200);
    let events = events["items"].as_array().into_iter().flatten();
    Ok((events.map(|event| event["sequence"].as_i64().unwrap()).collect(), texts))
}

/// Everything that is on record was heard, once, to the byte.
pub(crate) async fn whole(heard: &Heard, person: &Person<'_>, run: RunRef) -> Result<()> {
    let (events, texts) = record(person, run).await?;
    assert_eq!(heard.events, events);
    assert_eq!(heard.texts, texts);
    assert!(heard.over);
    Ok(())
}

/// Another process, with its own line to Redis.
fn another(house: &House, redis: u16) -> Result<Router> {
    let parts = Parts {
        db: Db::connect(&config::Database { pool: 4, ..config::Database::from_env()? })?.into(),
        redis: client(redis).into(),
        gate: Gate::new(generous()?).into(),
        auth: Verifier::new(house.signer.settings()).into(),
        ..Parts::default()
    };
    host::router(App::new(parts))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_a_run_that_is_followed_without_a_cut_is_told_whole_and_in_order() -> Result<()> {
    let house = House::with_model(slow(8, 12, Duration::from_millis(25)))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let id = run.run_id.to_string();
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let mut heard = Heard::default();
    heard.to_the_end(&ada, &id).await?;
    assert_eq!(running.await??, "succeeded");
    whole(&heard, &ada, run).await?;
    assert_eq!(heard.resets, 0);
    // Texts came while they were said, not at the end.
    assert!(heard.pieces >= 8 * 2, "only {} pieces", heard.pieces);
    assert_eq!(heard.kinds.first().map(String::as_str), Some("run.queued"));
    assert_eq!(heard.kinds[heard.kinds.len() - 2..], ["run.succeeded", "end"]);
    // A step is under way before anybody speaks in it.
    let at = |kind: &str| heard.kinds.iter().position(|found| found == kind);
    assert!(at("step.scheduled") < at("turn.began") && at("turn.text") < at("turn.taken"));
    // Whoever comes again after the end is told so, and nothing else.
    let mut again = Heard { id: heard.id.clone(), ..Heard::default() };
    again.to_the_end(&ada, &id).await?;
    assert_eq!(again.kinds, ["end"]);
    // And whoever comes for the first time hears the same texts from the record.
    let mut late = Heard::default();
    late.to_the_end(&ada, &id).await?;
    whole(&late, &ada, run).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_a_hundred_random_cuts_leave_every_text_equal_to_the_byte_whoever_serves() -> Result<()>
{
    let server = Server::start(&[]).await?;
    let script = slow(8, 240, Duration::from_millis(8));
    let house = House::with(script, client(server.port), Gate::new(generous()?))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let id = run.run_id.to_string();
    // Two that hear the workers, and one that has the record alone.
    let [gone] = local::ports::free()?;
    let routers = [house.router.clone(), another(&house, server.port)?, another(&house, gone)?];
    let token = org.admin_token();
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let dice = Dice::new();
    let (mut heard, mut cuts, mut silent, mut by) = (Heard::default(), 0, 0, [0; 3]);
    while !heard.over {
        let who = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2][dice.up_to(14) as usize % 14];
        let mut following = follow(routers[who].clone(), &token, &id, heard.id.as_deref()).await?;
        let before = heard.kinds.len();
        for _ in 0..dice.up_to(2) {
            // In the middle of a silence too: the record alone is silent while somebody speaks.
            let patience = Duration::from_millis(dice.up_to(300).into());
            let Ok(event) = timeout(patience, following.next()).await else { break };
            let Some(event) = event? else { break };
            heard.hear(&event)?;
        }
        by[who] += 1;
        // Whoever left before a word was said proves little: those are told, and not counted.
        if heard.kinds.len() == before { silent += 1 } else { cuts += 1 }
    }
    assert_eq!(running.await??, "succeeded");
    whole(&heard, &ada, run).await?;
    let bytes: usize = heard.texts.values().map(String::len).sum();
    tests::tell(&format!(
        "D5: {cuts} cuts and {silent} in silence over three processes {by:?}, seed {}: {} events, {} texts in {} pieces, \
         {bytes} bytes, all equal; {} resets",
        dice.seed,
        heard.events.len(),
        heard.texts.len(),
        heard.pieces,
        heard.resets
    ));
    ensure!(cuts >= 100 && heard.pieces >= 40, "{cuts} cuts, {} pieces", heard.pieces);
    assert_eq!(heard.resets, 0, "nothing was retried");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_redis_flushed_silent_and_killed_midway_costs_time_and_nothing_else() -> Result<()> {
    let server = Server::start(&[]).await?;
    let line = Line::to(server.port).await?;
    let script = slow(8, 60, Duration::from_millis(15));
    let house = House::with(script, client(line.port), Gate::new(generous()?))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let id = run.run_id.to_string();
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let mut heard = Heard::default();
    let mut following = ada.follow(&id, None).await?;
    let mut trouble = ["flushed", "silent", "through", "hung up", "through", "killed"].iter();
    while let Some(event) = following.next().await? {
        heard.hear(&event)?;
        if heard.pieces % 8 != 3 {
            continue;
        }
        match trouble.next() {
            Some(&"flushed") => drop(server.say(&["FLUSHALL"]).await?),
            Some(&"silent") => line.set(Mode::Silent),
            Some(&"hung up") => line.set(Mode::HangUp),
            Some(&"through") => line.set(Mode::Through),
            Some(_) => server.kill(),
            None => {}
        }
    }
    assert_eq!(running.await??, "succeeded", "a turn never fails for it");
    whole(&heard, &ada, run).await?;
    tests::tell(&format!(
        "D5: Redis flushed, silent, hung up and killed: {} events and {} texts whole, {} pieces",
        heard.events.len(),
        heard.texts.len(),
        heard.pieces
    ));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s4_without_any_redis_every_event_and_every_text_comes_from_the_record() -> Result<()> {
    let [gone] = local::ports::free()?;
    let script = slow(8, 12, Duration::from_millis(10));
    let house = House::with(script, client(gone), Gate::new(generous()?))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let id = run.run_id.to_string();
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let mut heard = Heard::default();
    heard.to_the_end(&ada, &id).await?;
    assert_eq!(running.await??, "succeeded");
    whole(&heard, &ada, run).await?;
    assert_eq!(heard.pieces, 8, "each text in one piece, once it was on record");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_an_answer_that_broke_off_and_began_again_is_reset_and_never_mixed() -> Result<()> {
    let broken = Reply::SlowCut(words(40, "-begun-"), Duration::from_millis(10));
    let whole_one = Reply::Slow(words(30, "-whole-"), Duration::from_millis(10));
    let house = House::with_model(Script::replies([broken, whole_one]))?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "document": "only.md" }]);
    team::workflow(&ada, "one", steps).await?;
    let run = start(&org, &ada, "one").await?;
    let id = run.run_id.to_string();
    let app = house.app;
    // Whoever paid for a call that broke does not ask again by itself: the state machine does.
    let running = tokio::spawn(async move {
        match drive::to_the_end(app, run).await {
            Err(Error::Unavailable(_)) => drive::to_the_end(app, run).await,
            other => other,
        }
    });
    let mut heard = Heard::default();
    heard.to_the_end(&ada, &id).await?;
    assert_eq!(running.await??, "succeeded");
    assert_eq!(heard.resets, 1, "{:?}", heard.kinds);
    assert_eq!(heard.kinds.iter().filter(|kind| *kind == "turn.began").count(), 2);
    whole(&heard, &ada, run).await
}
