//! What the issuer tells us, in whatever order and however often; and what differs at night.

use std::collections::BTreeMap;

use anyhow::Result;
use auth0::{Auth0, Settings};
use provisioning::drift;
use provisioning::events::{self, Message};
use provisioning::management::Management;
use serde_json::{Value, json};
use shared::Secret;
use shared::config;
use shared::table::Trigger;
use tests::crash::Dice;
use tests::{EVERYTHING, House, Organization};

use crate::record;
use crate::world::{root, routes};

fn event(n: u64, second: u64, kind: &str, sub: &str, org: &str, blocked: bool) -> Value {
    let at = jiff::Timestamp::new(1_767_755_700 + i64::try_from(second).unwrap(), 0).unwrap();
    let object = if kind.starts_with("organization.") {
        json!({ "organization": { "id": org, "name": "o" }, "user": { "user_id": sub } })
    } else {
        json!({ "user_id": sub, "email": format!("{sub}-{second}@x.test"), "name": sub, "blocked": blocked })
    };
    json!({
        "specversion": "1.0", "id": format!("evt_{org}_{n}"), "type": kind, "source": "urn:auth0:t",
        "time": at.to_string(), "a0tenant": "t", "a0stream": "s", "data": { "object": object },
    })
}

async fn tell(house: &House, event: &Value) -> Result<()> {
    let message: Message = serde_json::from_value(event.clone())?;
    Ok(events::handle(house.app, message).await?)
}

/// Who is there in the end, by the rules of the issuer: one event after the other, as they happened.
#[derive(Default, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Person {
    exists: bool,
    seen: bool,
    left: bool,
    blocked: bool,
}

fn replay(events: &[Value]) -> BTreeMap<String, &'static str> {
    let mut all: BTreeMap<String, Person> = BTreeMap::new();
    for event in events {
        let object = &event["data"]["object"];
        let sub = object["user_id"].as_str().or(object["user"]["user_id"].as_str()).unwrap();
        let person = all.entry(sub.to_owned()).or_default();
        match event["type"].as_str().unwrap() {
            "user.created" => {
                (person.exists, person.seen) = (true, true);
                person.blocked = object["blocked"] == true;
            }
            "user.updated" if person.exists || !person.seen => {
                (person.exists, person.seen) = (true, true);
                person.blocked = object["blocked"] == true;
            }
            "user.deleted" => (person.exists, person.seen, person.blocked) = (false, true, false),
            "organization.member.added" => person.left = false,
            "organization.member.deleted" => person.left = true,
            _ => {}
        }
    }
    all.into_iter()
        .map(|(sub, person)| {
            let gone = person.left || (person.seen && !person.exists);
            let state = if gone {
                "removed"
            } else if person.blocked {
                "blocked"
            } else {
                "active"
            };
            (sub, state)
        })
        .collect()
}

/// A life of each: created, changed, blocked, in and out of the organization, deleted, back again.
fn lives(org: &str, people: u64, each: u64, dice: &Dice) -> Vec<Value> {
    let mut events = Vec::new();
    for person in 0..people {
        let sub = format!("auth0|{org}-{person}");
        for step in 0..each {
            let second = person * 7 + step * people * 7;
            let kind = match (step, dice.up_to(12)) {
                (0, _) => "user.created",
                (1, _) | (_, 9) => "organization.member.added",
                (_, 10) => "user.deleted",
                (_, 1) => "user.created",
                (_, 2) => "organization.member.deleted",
                _ => "user.updated",
            };
            let n = person * each + step;
            events.push(event(n, second, kind, &sub, org, dice.up_to(4) == 1));
        }
    }
    events.sort_by_key(|event| event["time"].as_str().unwrap().to_owned());
    events
}

/// `EVENTS`: how many; 10,000 for a review.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a43_events_in_any_order_and_three_times_end_as_they_happened() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    org.admin().get("/v1/runs").await?.expect(200);
    let size: u64 = std::env::var("EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let dice = Dice::seeded(43);
    let each = 10;
    let events = lives(&org.org_id, size / each, each, &dice);
    let mut arriving: Vec<&Value> = events.iter().cycle().take(events.len() * 3).collect();
    for at in (1..arriving.len()).rev() {
        let other = usize::try_from(dice.up_to(u32::try_from(at + 1)?) - 1)?;
        arriving.swap(at, other);
    }
    // Eight at a time, as from as many sandboxes.
    for batch in arriving.chunks(8) {
        let mut told = Vec::new();
        for event in batch {
            told.push(tell(&house, event));
        }
        for outcome in futures(told).await {
            outcome?;
        }
    }
    let expected = replay(&events);
    let owner = record::owner().await?;
    owner.batch_execute(&format!("begin; select sec.enter('{}')", org.tenant())).await?;
    let sql = "select u.sub, coalesce(m.state, 'active') from users u
               left join members m on m.user_id = u.id where u.sub like 'auth0|%'
               union select sub, 'active' from people p
               where not exists (select from users u where u.sub = p.sub)";
    let found: BTreeMap<String, String> = record::rows(&owner, sql)
        .await?
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let mut resurrected = 0;
    for (sub, state) in &expected {
        let is = found.get(sub).map_or("active", String::as_str);
        resurrected += usize::from(*state == "removed" && is != "removed");
        assert_eq!(is, *state, "{sub}");
    }
    let sql = "select sub from directory where deleted_at is null";
    for row in record::rows(&owner, sql).await? {
        assert_ne!(expected[&row[0]], "removed", "{} is in the directory", row[0]);
    }
    tests::tell(&format!(
        "A43: {} events × 3, shuffled: {} people as a serial replay has them, {resurrected} came back",
        events.len(),
        expected.len()
    ));
    Ok(())
}

/// All at once, in the order they were given.
async fn futures<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in all.iter_mut().zip(done.iter_mut()) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// The row asks for a guard of a webhook. There is none to guard: events come by a queue, which one
/// rule of EventBridge may write to and nobody else.
#[test]
fn a45_no_route_takes_events_and_only_the_issuers_rule_writes_to_the_queue() {
    let row = &host::table().unwrap()["provisioning-events"];
    assert!(matches!(&row.trigger, Trigger::Queue(queue) if queue == "directory-events"));
    for (name, row) in routes() {
        let takes =
            name.contains("webhook") || (name.contains("event") && row_writes(&row.trigger));
        assert!(!takes, "{name} takes events: guard it as row A45 says");
    }
    let terraform = std::fs::read_to_string(root().join("infra/events.tf")).unwrap();
    let policy = terraform.split("aws_sqs_queue_policy").nth(1).unwrap();
    for must in ["events.amazonaws.com", "sqs:SendMessage", "aws:SourceArn"] {
        assert!(policy.contains(must), "infra/events.tf: {must}");
    }
    assert!(!policy.contains("Principal = \"*\""));
}

fn row_writes(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::Route { method, .. } if method != "GET")
}

#[tokio::test]
async fn a44_whom_the_issuer_blocks_or_deletes_is_refused_within_five_seconds() -> Result<()> {
    let house = House::open()?;
    for (kind, blocked) in [("user.updated", true), ("user.deleted", false)] {
        let org = house.organization();
        let sub = format!("auth0|{}", org.org_id);
        let (ada, bob) = (org.admin(), org.member(&sub, EVERYTHING));
        crate::team::five_steps(&ada).await?;
        let run = json!({ "workflow": "five", "brief": "Bicycles." });
        let run = bob.post("/v1/runs", run).await?.expect(202);
        let key = json!({ "name": "k", "permissions": ["runs:read"] });
        let key = bob.post("/v1/keys", key).await?.expect(201);
        let key = house.with_token(key["secret"].as_str().unwrap());
        key.get("/v1/runs").await?.expect(200);

        let began = std::time::Instant::now();
        let event = event(1, 1, kind, &sub, &org.org_id, blocked);
        // As EventBridge wraps it.
        tell(&house, &json!({ "detail-type": kind, "detail": event })).await?;
        assert_eq!(bob.get("/v1/runs").await?.status, 401);
        assert_eq!(key.get("/v1/runs").await?.status, 401);
        let took = began.elapsed();
        assert!(took.as_secs() < 5, "{took:?}");
        let fresh = org.with_claims(&json!({
            "sub": sub, "org_id": org.org_id, "permissions": EVERYTHING,
            "iat": jiff::Timestamp::now().as_second() + 2,
        }));
        let refused = fresh.get("/v1/runs").await?.status.as_u16();
        assert!([401, 403].contains(&refused), "a token of afterwards opens: {refused}");
        let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
        assert_eq!(ada.get(&path).await?.expect(200)["state"], "cancelled");
        tests::tell(&format!("A44: {kind}: refused and stopped after {} ms", took.as_millis()));
    }
    Ok(())
}

fn management(auth0: &Auth0) -> Management {
    Management::new(config::Management {
        url: auth0.issuer.clone(),
        client_id: "management".into(),
        client_secret: Secret::new("management-secret".into()),
        audience: format!("{}api/v2/", auth0.issuer),
        connection: "people".into(),
        per_second: 500.0,
        burst: 500.0,
    })
}

/// An organization that both sides know, with so many people in step.
async fn in_step(
    house: &House,
    auth0: &Auth0,
    org: &Organization<'_>,
    people: usize,
) -> Result<()> {
    org.admin()
        .post("/v1/roles", json!({ "slug": "x", "name": "X", "permissions": [] }))
        .await?
        .expect(201);
    auth0.sim.world().add_organization(&org.org_id, "planted");
    for n in 0..people {
        let sub = format!("auth0|{}-{n}", org.org_id);
        let email = format!("{n}@x.test");
        {
            let mut world = auth0.sim.world();
            world.add_user(&sub, &email, "p");
            world.users.get_mut(&sub).unwrap().profile["name"] = format!("Person {n}").into();
            world
                .organizations
                .get_mut(&org.org_id)
                .unwrap()
                .members
                .insert(sub.clone(), [].into());
        }
        let created = json!({
            "id": format!("evt_{sub}"), "type": "user.created", "time": "2026-01-07T03:15:00Z",
            "data": { "object": { "user_id": sub, "email": email, "name": format!("Person {n}"), "blocked": false } },
        });
        let n = u64::try_from(n)?;
        tell(house, &created).await?;
        tell(house, &event(n, 1, "organization.member.added", &sub, &org.org_id, false)).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a46_of_fifty_planted_differences_fifty_are_found_and_nothing_else() -> Result<()> {
    let house = House::open()?;
    let auth0 = Auth0::start(Settings::default())?;
    auth0.sim.set_rate(auth0::Rate { burst: 10_000, per_second: 10_000.0 });
    let org = house.organization();
    in_step(&house, &auth0, &org, 150).await?;
    let management = management(&auth0);
    let ada = org.admin();
    drift::organization(house.app, &management, &org.org_id, &[]).await?;
    let report = ada.get("/v1/directory/drift").await?.expect(200)["items"][0].clone();
    assert_eq!((&report["found"], &report["checked"]), (&json!(0), &json!(150)), "{report}");

    let mut planted = Vec::new();
    let mut blocked = Vec::new();
    for n in 0..50 {
        let sub = format!("auth0|{}-{}", org.org_id, n * 3);
        let mut world = auth0.sim.world();
        let kind = match n % 5 {
            0 => {
                world.users.get_mut(&sub).unwrap().profile["email"] =
                    format!("other-{n}@x.test").into();
                "email"
            }
            1 => {
                world.users.get_mut(&sub).unwrap().profile["name"] = "Other".into();
                "name"
            }
            2 => {
                blocked.push(sub.clone());
                "blocked"
            }
            3 => {
                world.organizations.get_mut(&org.org_id).unwrap().members.remove(&sub);
                "missing-there"
            }
            _ => {
                let new = format!("{sub}-new");
                world.add_user(&new, &format!("new-{n}@x.test"), "p");
                world
                    .organizations
                    .get_mut(&org.org_id)
                    .unwrap()
                    .members
                    .insert(new.clone(), [].into());
                planted.push((new, "missing-here".to_owned()));
                continue;
            }
        };
        planted.push((sub, kind.to_owned()));
    }
    drift::organization(house.app, &management, &org.org_id, &blocked).await?;
    let report = ada.get("/v1/directory/drift").await?.expect(200)["items"][0].clone();
    let mut found: Vec<_> = report["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["sub"].as_str().unwrap().to_owned(), one["kind"].as_str().unwrap().to_owned())
        })
        .collect();
    found.sort();
    planted.sort();
    assert_eq!(found, planted);
    assert_eq!(report["found"], 50);
    tests::tell("A46: 50 differences planted among 150 people, 50 found, 0 false");
    Ok(())
}
