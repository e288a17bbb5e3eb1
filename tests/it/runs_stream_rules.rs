//! Who may follow a run, for how long, and what a stream that ends says.

use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use serde_json::json;
use shared::auth::revocation::{self, Kind};
use shared::gate::Gate;
use shared::http::{self, Edge};
use shared::table::{Row, row_of};
use tests::cache::{Server, client};
use tests::crash::until;
use tests::follow::{Event, Following, Heard, follow};
use tests::scripted::{Reply, Script};
use tests::{House, Organization, drive, generous};

use crate::crash::start;
use crate::runs_stream::{slow, whole, words};
use crate::team;

const SOON: Duration = Duration::from_secs(5);

/// A run that nobody works on: it goes on for as long as it is followed.
async fn idle(org: &Organization<'_>) -> Result<String> {
    let ada = org.admin();
    team::five_steps(&ada).await?;
    Ok(start(org, &ada, "five").await?.run_id.to_string())
}

async fn last(following: &mut Following) -> Result<Option<Event>> {
    let mut last = None;
    while let Some(event) = following.next().await? {
        last = Some(event);
    }
    Ok(last)
}

#[tokio::test]
async fn s6_another_tenants_run_is_not_there_and_without_the_right_nothing_is() -> Result<()> {
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    let path = format!("/v1/runs/{}/stream", idle(&ours).await?);
    let nothing = format!("/v1/runs/{}/stream", uuid::Uuid::now_v7());
    let eve = theirs.admin();
    assert_eq!(eve.get(&path).await?.problem(404), "not-found");
    assert_eq!(eve.get(&path).await?.body, eve.get(&nothing).await?.body);
    // What they know of it helps them nothing.
    let known = [("last-event-id", "1-0.1.5.0")];
    assert_eq!(eve.send("GET", &path, &known, "").await?.problem(404), "not-found");
    let bob = ours.member("bob", &["agents:read", "runs:write"]);
    assert_eq!(bob.get(&path).await?.problem(403), "forbidden");
    assert_eq!(house.stranger().get(&path).await?.problem(401), "unauthenticated");
    Ok(())
}

#[tokio::test]
async fn s7_an_id_that_is_none_of_ours_is_refused_with_a_sentence() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let path = format!("/v1/runs/{}/stream", idle(&org).await?);
    let long = format!("1{}", "-0.1.1.0".repeat(1_100));
    for bad in ["x", "-1", "1-", "1-0.1", "1-0.1.2.zz", "99999999999999999999", "7", &long] {
        let reply = org.admin().send("GET", &path, &[("last-event-id", bad)], "").await?;
        assert_eq!(reply.problem(422), "invalid", "{bad}");
        assert!(reply.body["detail"].as_str().unwrap().contains("Last-Event-ID"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_whoever_is_taken_back_is_told_so_and_hears_no_more() -> Result<()> {
    let house = House::open()?;
    for told in [true, false] {
        let org = house.organization();
        let id = idle(&org).await?;
        let mut following = org.admin().follow(&id, None).await?;
        assert_eq!(following.next().await?.unwrap().kind, "run.queued");
        let mark = house
            .app
            .db()?
            .tenant(org.tenant(), async |tx| revocation::mark(tx, Kind::User, "ada").await);
        let mark = mark.await?;
        let since = Instant::now();
        // Also when Redis never hears of it.
        if told {
            revocation::spread(house.app, org.tenant(), &[mark]).await;
        }
        let closed = last(&mut following).await?.unwrap();
        assert_eq!((closed.kind.as_str(), &closed.data), ("closed", &json!({ "why": "refused" })));
        assert_eq!(closed.id, None, "an id would move the client on");
        let took = since.elapsed();
        tests::tell(&format!("D5: taken back (Redis told: {told}), the stream ended in {took:?}"));
        assert!(took <= SOON, "{took:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s9_a_stream_ends_with_the_proof_that_it_began_with() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let id = idle(&org).await?;
    let mut claims = org.claims("ada", &["runs:read"]);
    claims["exp"] = (jiff::Timestamp::now().as_second() + 3).into();
    let mut following = org.with_claims(&claims).follow(&id, None).await?;
    let since = Instant::now();
    let closed = last(&mut following).await?.unwrap();
    assert_eq!((closed.kind.as_str(), &closed.data), ("closed", &json!({ "why": "expired" })));
    assert!(since.elapsed() <= SOON, "{:?}", since.elapsed());
    Ok(())
}

/// The function as it would be with less time.
fn short(house: &House, timeout: u32) -> Result<Router> {
    let row = Row { timeout, ..row_of(runs::FUNCTIONS, "runs-stream")? };
    let router = http::mount_stream(&row, runs::stream::handle, house.app)?;
    Ok(http::behind(Edge::default(), router.with_state(house.app)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s10_a_stream_ends_before_the_functions_time_and_the_client_goes_on() -> Result<()> {
    let house = House::with_model(slow(8, 60, Duration::from_millis(15)))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let (id, token) = (run.run_id.to_string(), org.admin_token());
    let router = short(&house, 2)?;
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let (mut heard, mut answers) = (Heard::default(), 0);
    while !heard.over {
        let since = Instant::now();
        let mut following = follow(router.clone(), &token, &id, heard.id.as_deref()).await?;
        let mut last = None;
        while let Some(event) = following.next().await? {
            heard.hear(&event)?;
            last = Some(event);
        }
        assert_eq!(following.retry, Some(1000));
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        if !heard.over {
            assert_eq!(last.unwrap().data, json!({ "why": "time" }));
        }
        answers += 1;
    }
    assert_eq!(running.await??, "succeeded");
    assert!(answers > 1, "it was cut by nobody");
    whole(&heard, &ada, run).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s11_a_text_of_a_run_that_is_stopped_is_dropped() -> Result<()> {
    let house = House::with_model(Script::replies([Reply::Stall(words(20, "-never-"))]))?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    let id = run.run_id.to_string();
    let running = tokio::spawn(drive::to_the_end(house.app, run));
    let mut heard = Heard::default();
    let mut following = ada.follow(&id, None).await?;
    let mut stopped = false;
    while let Some(event) = following.next().await? {
        heard.hear(&event)?;
        if heard.pieces > 0 && !stopped {
            ada.post(&format!("/v1/runs/{id}/cancel"), json!({})).await?.expect(202);
            stopped = true;
        }
    }
    running.abort();
    assert_eq!((heard.resets, heard.texts.len()), (1, 0), "{:?}", heard.kinds);
    let end = ["turn.reset", "run.cancelled", "end"];
    assert_eq!(heard.kinds[heard.kinds.len() - 3..], end);
    Ok(())
}

/// A worker that dies in the middle of an answer, and another that takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s12_a_turn_that_another_worker_takes_over_begins_again() -> Result<()> {
    let dead = Reply::Stall(words(20, "-dead-"));
    let alive = Reply::Slow(words(30, "-alive-"), Duration::from_millis(10));
    let house = House::with_model(Script::replies([dead, alive]))?;
    let org = house.organization();
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let steps = json!([{ "id": "only", "agent": "ann", "document": "only.md" }]);
    team::workflow(&ada, "one", steps).await?;
    let run = start(&org, &ada, "one").await?;
    let id = run.run_id.to_string();
    runs::plan::handle(house.app, run).await?;
    let work = |attempt: i32| runs::turn::Work { run, step_id: "only".into(), attempt };
    let mut heard = Heard::default();
    let mut following = ada.follow(&id, None).await?;
    let worker = tokio::spawn(runs::step::handle(house.app, work(0)));
    while heard.pieces == 0 {
        heard.hear(&following.next().await?.unwrap())?;
    }
    worker.abort();
    // Whoever hangs up here and comes again later is in the middle of what nobody will finish.
    let mut cut = Heard { id: heard.id.clone(), texts: heard.texts.clone(), ..Heard::default() };
    runs::step::handle(house.app, work(1)).await?;
    runs::finish::handle(house.app, run).await?;
    while let Some(event) = following.next().await? {
        heard.hear(&event)?;
    }
    cut.to_the_end(&ada, &id).await?;
    assert_eq!((heard.resets, cut.resets), (1, 1), "{:?} {:?}", heard.kinds, cut.kinds);
    assert_eq!(heard.texts, cut.texts);
    whole(&heard, &ada, run).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s13_five_readers_share_one_connection_and_the_last_who_hangs_up_ends_it() -> Result<()> {
    let server = Server::start(&[]).await?;
    let house = House::with(Script::echo(), client(server.port), Gate::new(generous()?))?;
    let org = house.organization();
    let id = idle(&org).await?;
    let ada = org.admin();
    let waiting = async || -> Result<usize> {
        Ok(server.text(&["CLIENT", "LIST"]).await?.matches("cmd=xread").count())
    };
    let mut following = Vec::new();
    for _ in 0..5 {
        let mut one = ada.follow(&id, None).await?;
        one.next().await?;
        following.push(one);
    }
    until("one connection for all five", async || Ok(waiting().await? == 1)).await?;
    drop(following);
    until("none for nobody", async || Ok(waiting().await? == 0)).await
}
