//! A request that creates or spends is done once for each `Idempotency-Key`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use shared::app::Parts;
use shared::dynamo::{Answer, Begun, Dynamo, Key};
use shared::table::Trigger;
use tests::dynamo::{BadLine, Emulator, client};
use tests::scripted::Script;
use tests::{House, Person, Reply};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::team;
use crate::world::routes;

/// `POST` routes that keep no answer, and why that is safe.
const WITHOUT: &[(&str, &str)] = &[
    (
        "access-key-create",
        "its answer is a secret, which is kept nowhere; a second key can be revoked",
    ),
    (
        "identity-refresh",
        "it renews what is there: the same token twice is a theft, and told apart",
    ),
    ("identity-logout", "to sign out when one is signed out changes nothing"),
    ("identity-revoke", "a session that is ended stays ended"),
    ("identity-revoke-all", "sessions that are ended stay ended"),
    ("imports-create", "the bundle's digest is its key: the same one is the import that is there"),
    ("scim-search", "it reads: the filter is in the body because it may be long"),
    ("scim-user-create", "directories send no key; the user's name is unique, and twice is 409"),
    ("scim-group-create", "directories send no key; the group's name is unique, and twice is 409"),
    ("runs-speaker", "for a turn one member is named; the same again changes nothing"),
    ("runs-cancel", "to cancel what is cancelled changes nothing"),
];

#[test]
fn every_post_is_idempotent_or_has_its_reason() {
    let listed: BTreeSet<&str> = WITHOUT.iter().map(|(name, _)| *name).collect();
    let mut seen = BTreeSet::new();
    for (name, row) in routes() {
        let Trigger::Route { method, .. } = &row.trigger else { continue };
        assert!(row.once.is_none() || method == "POST", "{name}: only a POST is done once");
        assert_eq!(row.once.is_some(), row.uses.iter().any(|used| used == "dynamo"), "{name}");
        if method != "POST" {
            continue;
        }
        let reason = listed.contains(name.as_str());
        assert!(
            row.once.is_some() != reason,
            "{name}: `once` in its row, or a reason in this list"
        );
        seen.insert(name);
    }
    for (name, reason) in WITHOUT {
        assert!(seen.contains(*name), "{name} is no POST any more");
        assert!(reason.len() > 20, "{name}: {reason}");
    }
}

fn house(dynamo: Dynamo) -> Result<House> {
    House::of(Script::echo(), Parts { dynamo: dynamo.into(), ..Parts::default() })
}

fn agent(slug: &str) -> Value {
    json!({ "slug": slug, "definition": { "name": slug, "title": "T", "role": "You test." } })
}

async fn post(person: &Person<'_>, path: &str, key: &str, body: &str) -> Result<Reply> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    person.send("POST", path, &headers, body.to_owned()).await
}

fn replayed(reply: &Reply) -> bool {
    reply.headers.get("idempotent-replayed").is_some_and(|yes| yes == "true")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_gets_the_same_answer_and_one_agent() -> Result<()> {
    let emulator = Emulator::start().await?;
    let house = house(emulator.client().await)?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", tests::EVERYTHING));
    let path = "/v1/agents";
    let first = post(&ada, path, "k", &agent("one").to_string()).await?;
    assert!(!replayed(&first));
    // Another order and other spaces say the same.
    let turned =
        r#"{ "definition": { "role": "You test.", "title": "T", "name": "one" }, "slug": "one" }"#;
    let second = post(&ada, path, "k", turned).await?;
    assert!(replayed(&second));
    assert_eq!(second.headers["content-type"], "application/json");
    assert_eq!(first.expect(201), second.expect(201));
    assert_eq!(ada.get(path).await?.expect(200)["items"].as_array().unwrap().len(), 1);

    let other = post(&ada, path, "k", &agent("two").to_string()).await?;
    assert_eq!(other.problem(422), "idempotency-key-reused");
    // A key is somebody's own, in their own organization, for one route.
    assert_eq!(post(&bob, path, "k", &agent("one").to_string()).await?.problem(409), "conflict");
    let stranger = house.organization().admin();
    let theirs = post(&stranger, path, "k", &agent("one").to_string()).await?;
    assert!(!replayed(&theirs));
    theirs.expect(201);

    // What was refused is not kept: it may be right the next time.
    assert_eq!(post(&ada, path, "later", "{}").await?.problem(422), "invalid");
    post(&ada, path, "later", &agent("three").to_string()).await?.expect(201);
    assert_eq!(post(&ada, path, "", "{}").await?.problem(422), "invalid");

    // Eight at once: one does it, the others are told what came of it, or to wait.
    let body = agent("crowd").to_string();
    let crowd = (0..8).map(|_| post(&ada, path, "crowd", &body));
    let mut done = 0;
    for reply in futures(crowd).await? {
        if reply.status == 409 {
            let wait: u64 = reply.headers["retry-after"].to_str()?.parse()?;
            ensure!((1..=30).contains(&wait), "{wait}");
        } else {
            done += u32::from(!replayed(&reply));
            reply.expect(201);
        }
    }
    assert_eq!(done, 1);
    Ok(())
}

async fn futures<T>(all: impl Iterator<Item = impl Future<Output = Result<T>>>) -> Result<Vec<T>> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().collect()
}

#[tokio::test]
async fn without_dynamo_a_key_is_refused_unless_the_record_has_one_of_its_own() -> Result<()> {
    let [nowhere] = local::ports::free()?;
    let house = house(client(&format!("http://127.0.0.1:{nowhere}")).await)?;
    let ada = house.organization().admin();
    team::five_steps(&ada).await?;
    assert_eq!(
        post(&ada, "/v1/agents", "k", &agent("x").to_string()).await?.problem(503),
        "unavailable"
    );
    assert_eq!(ada.get("/v1/agents").await?.expect(200)["items"].as_array().unwrap().len(), 3);
    ada.post("/v1/agents", agent("x")).await?.expect(201);
    let run = json!({ "workflow": "five", "brief": "A shop." }).to_string();
    let first = post(&ada, "/v1/runs", "k", &run).await?.expect(202);
    let second = post(&ada, "/v1/runs", "k", &run).await?;
    assert!(replayed(&second));
    assert_eq!(second.expect(202)["id"], first["id"]);
    Ok(())
}

fn answer(number: usize) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Answer { status: 201, headers, body: format!("{{\"n\":{number}}}").into_bytes() }
}

fn key(tenant: Uuid, number: usize) -> Key {
    Key::tenant(tenant).request("POST /x", Uuid::nil(), &number.to_string())
}

const LEFT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_lease_ends_with_its_function_and_nobody_finishes_after_it() -> Result<()> {
    let emulator = Emulator::start().await?;
    let dynamo = emulator.client().await;
    let tenant = Uuid::now_v7();
    let now = jiff::Timestamp::now().as_millisecond();
    // Nothing left: the next one may take it at once.
    let Begun::Ours(dead) = dynamo.begin(key(tenant, 1), "r", now, Duration::ZERO).await? else {
        bail!("nobody had it");
    };
    let Begun::Ours(next) = dynamo.begin(key(tenant, 1), "r", now + 1, LEFT).await? else {
        bail!("stuck with 0 ms");
    };
    let third = dynamo.begin(key(tenant, 1), "r", now + 1_001, LEFT).await?;
    assert!(matches!(third, Begun::InFlight(19)), "{third:?}");
    let other = dynamo.begin(key(tenant, 1), "another", now + 60_000, LEFT).await?;
    assert!(matches!(other, Begun::Mismatch), "{other:?}");
    assert!(!dynamo.finish(&dead, &answer(1), now).await?, "it had been taken over");
    assert!(dynamo.finish(&next, &answer(2), now).await?);
    dynamo.release(&dead).await?;
    for later in [2, 60_000, 24 * 3_600_000] {
        match dynamo.begin(key(tenant, 1), "r", now + later, LEFT).await? {
            Begun::Done(kept) => assert_eq!(kept, answer(2)),
            other => bail!("{other:?}"),
        }
    }
    // After its time it is nobody's, even if it was not deleted yet.
    let late = dynamo.begin(key(tenant, 1), "another", now + 49 * 3_600_000, LEFT).await?;
    assert!(matches!(late, Begun::Ours(_)), "{late:?}");
    Ok(())
}

/// Begins, finishes, and asks again; four operations.
async fn cycle(dynamo: &Dynamo, tenant: Uuid, number: usize) -> Result<()> {
    let now = jiff::Timestamp::now().as_millisecond();
    let Begun::Ours(lease) = dynamo.begin(key(tenant, number), "r", now, LEFT).await? else {
        bail!("{number}: nobody had it");
    };
    ensure!(dynamo.finish(&lease, &answer(number), now).await?, "{number}: it was ours");
    match dynamo.begin(key(tenant, number), "r", now, LEFT).await? {
        Begun::Done(kept) => ensure!(kept == answer(number), "{number}: {kept:?}"),
        other => bail!("{number}: {other:?}"),
    }
    let other = dynamo.begin(key(tenant, number), "another", now, LEFT).await?;
    ensure!(matches!(other, Begun::Mismatch), "{number}: {other:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f26_throttled_failed_and_lost_answers_are_retried_and_none_is_dropped() -> Result<()> {
    let operations: usize =
        std::env::var("OPERATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let emulator = Emulator::start().await?;
    let line = BadLine::to(&emulator.url).await?;
    let (tenant, dynamo) = (Uuid::now_v7(), Arc::new(client(&line.url).await));
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let dynamo = Arc::clone(&dynamo);
        workers.spawn(async move {
            for number in (worker..operations / 4).step_by(8) {
                cycle(&dynamo, tenant, number).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let seen = [&line.throttled, &line.failed, &line.lost].map(|n| n.load(Ordering::Relaxed));
    tests::tell(&format!(
        "F26: {operations} operations; throttled {}, failed {}, answers lost {}",
        seen[0], seen[1], seen[2]
    ));
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}: this proves nothing");
    let direct = emulator.client().await;
    for number in 0..operations / 4 {
        let now = jiff::Timestamp::now().as_millisecond();
        let kept = direct.begin(key(tenant, number), "r", now, LEFT).await?;
        ensure!(
            matches!(&kept, Begun::Done(kept) if *kept == answer(number)),
            "{number}: {kept:?}"
        );
    }
    Ok(())
}
