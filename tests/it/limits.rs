//! How often who may ask: counted together by all processes, told to the caller, and never endless.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use shared::app::Parts;
use shared::auth::{Caller, Kind};
use shared::db::Db;
use shared::gate::{self, Gate, Limits};
use shared::redis::Redis;
use shared::table::{Access, Class};
use shared::{App, Error, config};
use tests::House;
use tests::cache::{Server, client, patient};
use tests::scripted::Script;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

const WIDE: &str = r#""per_second": 100000, "burst": 100000"#;

/// All wide, but for this one.
fn only(name: &str, per_second: f64, burst: u32) -> Result<Limits> {
    let names = ["address", "tenant", "user", "open", "sign-in", "read", "write", "spend"];
    let all = names.map(|one| {
        let limit = format!(r#""per_second": {per_second}, "burst": {burst}"#);
        format!(r#""{one}": {{ {} }}"#, if one == name { limit.as_str() } else { WIDE })
    });
    Limits::changed_by(Some(&format!("{{ {} }}", all.join(", "))))
}

pub(crate) fn caller(tenant: Uuid, sub: &str) -> Caller {
    Caller {
        sub: sub.into(),
        org_id: "org_limits".into(),
        tenant,
        user: Uuid::new_v5(&tenant, sub.as_bytes()),
        kind: Kind::Person,
        permissions: vec!["agents:read".into()],
        client: None,
        admin_client: false,
        proof: Some(Uuid::now_v7().to_string()),
        issued: jiff::Timestamp::now().as_second(),
        expires: i64::MAX,
        signed_in: None,
        factors: vec![],
        acr: None,
    }
}

pub(crate) fn access(permission: &str) -> Access {
    Access { permission: Some(permission.into()), class: Class::Read, ..Access::default() }
}

/// A process of its own, as far as the gate can tell.
fn process(redis: Redis, limits: Limits) -> Result<App> {
    Ok(App::new(Parts {
        db: Db::connect(&config::Database::from_env()?)?.into(),
        redis: redis.into(),
        gate: Gate::new(limits).into(),
        ..Parts::default()
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p14_eight_clients_together_get_the_limit_within_one_percent() -> Result<()> {
    const RATE: f64 = 40.0;
    const BURST: u32 = 50;
    const LONG: Duration = Duration::from_secs(3);
    let tenant = Uuid::now_v7();
    let caller = Arc::new(caller(tenant, "ada"));
    let refused = Arc::new(AtomicU32::new(0));
    let (begin, mut clients) = (Arc::new(Barrier::new(8)), JoinSet::new());
    for _ in 0..8 {
        let app = process(patient()?, only("user", RATE, BURST)?)?;
        let (caller, refused) = (Arc::clone(&caller), Arc::clone(&refused));
        let (begin, warm) = (Arc::clone(&begin), self::caller(tenant, "warm"));
        clients.spawn(async move {
            let (access, mut seen) = (access("agents:read"), vec![]);
            // Connected, and the script is known, before the clock counts.
            gate::pass(app, &access, "GET /v1/agents", &warm, None).await?;
            begin.wait().await;
            let started = Instant::now();
            while started.elapsed() < LONG {
                let asked = Instant::now();
                match gate::pass(app, &access, "GET /v1/agents", &caller, None).await {
                    Ok(_) => seen.push((asked, Instant::now())),
                    Err(Error::TooManyRequests(_)) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(other) => return Err(other),
                }
            }
            Ok(seen)
        });
    }
    let mut seen = vec![];
    while let Some(client) = clients.join_next().await {
        seen.extend(client??);
    }
    // When Redis counted the first and the last of them lies between asking and being told.
    let asked = seen.iter().map(|(asked, _)| *asked);
    let told = seen.iter().map(|(_, told)| *told);
    let (first, last) =
        (asked.clone().min().context("nobody")?, told.clone().max().context("nobody")?);
    let longest = last - first;
    let shortest = asked.max().context("nobody")? - told.min().context("nobody")?;
    let allowed = [shortest, longest].map(|time| f64::from(BURST) + RATE * time.as_secs_f64());
    let let_in = f64::from(u32::try_from(seen.len())?);
    let refused = refused.load(Ordering::Relaxed);
    tests::tell(&format!(
        "P14: {let_in} let in, {refused} refused; between {:.1} and {:.1} allowed",
        allowed[0], allowed[1]
    ));
    assert!(refused > 100, "they did not ask too often: this proves nothing");
    assert!(let_in >= allowed[0] * 0.99 - 1.0 && let_in <= allowed[1] * 1.01, "more than 1 % off");
    Ok(())
}

#[tokio::test]
async fn p14_who_asks_too_often_is_told_so_and_when_to_come_back() -> Result<()> {
    let redis = patient()?;
    let house = House::with(Script::echo(), redis, Gate::new(only("user", 0.5, 3)?))?;
    let org = house.organization();
    let (ada, bob) = (org.admin(), org.member("bob", &["agents:read"]));
    for left in [2, 1, 0] {
        let reply = ada.get("/v1/agents").await?;
        let told = reply.headers["ratelimit"].to_str()?.to_owned();
        assert!(told.starts_with(&format!("\"user\";r={left};t=")), "{told}");
        let policy = reply.headers["ratelimit-policy"].to_str()?;
        assert!(
            policy.contains("\"user\";q=3;w=6") && policy.contains("\"tenant\";q="),
            "{policy}"
        );
        reply.expect(200);
    }
    let reply = ada.get("/v1/agents").await?;
    assert_eq!(reply.problem(429), "too-many-requests");
    let wait: u64 = reply.headers["retry-after"].to_str()?.parse()?;
    assert!((1..=2).contains(&wait), "{wait}");
    assert!(reply.headers["ratelimit"].to_str()?.starts_with("\"user\";r=0;"));
    bob.get("/v1/agents").await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn p14_tenant_user_route_and_address_are_each_counted() -> Result<()> {
    // Addresses of this run's own: the tests share one Redis.
    let somewhere = || IpAddr::from(std::net::Ipv6Addr::from(Uuid::new_v4().as_u128()));
    let access = access("agents:read");
    for limited in ["tenant", "user", "read", "address"] {
        let redis = patient()?;
        let app = process(redis, only(limited, 0.001, 2)?)?;
        let (ours, theirs) = (Uuid::now_v7(), Uuid::now_v7());
        let here = somewhere();
        let ask = async |tenant, sub: &str, route: &str, from: IpAddr| {
            let caller = caller(tenant, sub);
            gate::pass(app, &access, route, &caller, Some(from)).await.is_ok()
        };
        for _ in 0..2 {
            assert!(ask(ours, "ada", "GET /a", here).await, "{limited}");
        }
        let others = [
            ("another tenant", ask(theirs, "ada", "GET /a", somewhere()).await),
            ("another user", ask(ours, "bob", "GET /a", somewhere()).await),
            ("another route", ask(ours, "ada", "GET /b", somewhere()).await),
            ("from elsewhere", ask(ours, "ada", "GET /a", somewhere()).await),
        ];
        let open: Vec<_> = others.iter().filter(|(_, open)| *open).map(|(who, _)| *who).collect();
        let expected: &[&str] = match limited {
            "tenant" => &["another tenant"],
            "user" => &["another tenant", "another user"],
            "read" => &["another tenant", "another route"],
            _ => &["another tenant", "another user", "another route", "from elsewhere"],
        };
        assert_eq!(open, expected, "{limited}");
        assert!(!ask(ours, "ada", "GET /a", here).await, "{limited}");
    }
    Ok(())
}

#[tokio::test]
async fn p14_who_guesses_tokens_is_counted_by_their_address() -> Result<()> {
    let server = Server::start(&[]).await?;
    let house =
        House::with(Script::echo(), client(server.port), Gate::new(only("open", 0.01, 5)?))?;
    let guest = house.with_token("garbage");
    for _ in 0..5 {
        assert_eq!(guest.get("/v1/agents").await?.status, 401);
    }
    assert_eq!(guest.get("/v1/agents").await?.problem(429), "too-many-requests");
    // A person with a token from the same address goes on.
    house.organization().admin().get("/v1/agents").await?.expect(200);
    Ok(())
}

/// With the limits as they ship: who guesses codes, cookies or passwords from one address has twenty
/// tries, and one more each second.
#[tokio::test]
async fn p2_who_tries_to_sign_in_again_and_again_is_stopped_on_every_way_in() -> Result<()> {
    const TRIES: u32 = 60;
    let server = Server::start(&[]).await?;
    let limits = Limits::changed_by(None)?;
    let house = House::with(Script::echo(), client(server.port), Gate::new(limits))?;
    let guest = house.stranger();
    for (method, path) in [
        ("GET", "/auth/login"),
        ("GET", "/auth/callback?code=guess&state=guess"),
        ("POST", "/auth/refresh"),
    ] {
        let (started, mut heard, mut last) = (Instant::now(), 0, None);
        for _ in 0..TRIES {
            let reply = guest.send(method, path, &[], "").await?;
            heard += u32::from(reply.status != 429);
            last = Some(reply);
        }
        let allowed = 20 + started.elapsed().as_secs() + 1;
        assert!((20..=allowed).contains(&heard.into()), "{path}: {heard} of {TRIES}");
        let last = last.context("no reply")?;
        assert_eq!(last.problem(429), "too-many-requests", "{path}");
        assert!(last.headers.contains_key("retry-after"), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn p14_without_redis_a_tenth_is_left_and_never_all() -> Result<()> {
    let server = Server::start(&[]).await?;
    server.kill();
    let house =
        House::with(Script::echo(), client(server.port), Gate::new(only("user", 0.01, 50)?))?;
    let ada = house.organization().admin();
    let mut answers = vec![];
    for _ in 0..10 {
        answers.push(ada.post("/v1/agents", json!({})).await?.status.as_u16());
    }
    assert_eq!(answers[..5], [422; 5], "a tenth of 50");
    assert_eq!(answers[5..], [429; 5]);
    Ok(())
}
