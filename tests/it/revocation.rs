//! What was taken back is refused: at once, when Redis was told; within five seconds, when it was
//! not; and without both, what needs an administrator's right is closed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use shared::app::Parts;
use shared::auth::revocation::{self, Kind};
use shared::config::{self, Secret};
use shared::db::Db;
use shared::gate::{self, Gate};
use shared::redis::Redis;
use shared::{App, Error};
use tests::cache::{Server, client, patient};
use tests::scripted::Script;
use tests::{House, Organization, generous};
use uuid::Uuid;

use crate::limits::{access, caller};

const SOON: Duration = Duration::from_secs(5);

async fn take_back(house: &House, org: &Organization<'_>, kind: Kind, subject: &str) -> Result<()> {
    let marked =
        house.app.db()?.tenant(org.tenant(), async |tx| revocation::mark(tx, kind, subject).await);
    revocation::spread(house.app, org.tenant(), &[marked.await?]).await;
    Ok(())
}

#[tokio::test]
async fn a28_a_person_or_an_organization_that_was_taken_back_is_refused_at_once() -> Result<()> {
    let house = House::open()?;
    for kind in [Kind::User, Kind::Organization] {
        let (org, other) = (house.organization(), house.organization());
        let (ada, bob, eve) = (org.admin(), org.member("bob", &["agents:read"]), other.admin());
        for person in [&ada, &bob, &eve] {
            person.get("/v1/agents").await?.expect(200);
        }
        let subject = if kind == Kind::User { "ada" } else { "" };
        take_back(&house, &org, kind, subject).await?;
        assert_eq!(ada.get("/v1/agents").await?.problem(401), "unauthenticated");
        let bobs = bob.get("/v1/agents").await?.status.as_u16();
        assert_eq!(bobs, if kind == Kind::User { 200 } else { 401 }, "{kind:?}");
        eve.get("/v1/agents").await?.expect(200);
    }
    Ok(())
}

#[tokio::test]
async fn a28_a_token_that_was_issued_after_the_mark_is_good() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    take_back(&house, &org, Kind::User, "ada").await?;
    let now = jiff::Timestamp::now().as_second();
    let mut status = vec![];
    for issued in [now - 60, now + 2] {
        let claims = serde_json::json!({
            "sub": "ada", "org_id": org.org_id, "permissions": ["agents:read"], "iat": issued,
        });
        let ada = house.with_token(&house.signer.token(&claims));
        status.push(ada.get("/v1/agents").await?.status.as_u16());
    }
    assert_eq!(status, [401, 200]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a28_a_mark_that_redis_was_never_told_counts_within_5_s_under_traffic() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    ada.get("/v1/agents").await?.expect(200);
    let mark = house
        .app
        .db()?
        .tenant(org.tenant(), async |tx| revocation::mark(tx, Kind::User, "ada").await);
    drop(mark.await?);
    let since = Instant::now();
    while ada.get("/v1/agents").await?.status != 401 {
        ensure!(since.elapsed() < SOON, "still let in after {:?}", since.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tests::tell(&format!(
        "A28: refused {:?} after a mark that Redis was not told",
        since.elapsed()
    ));
    Ok(())
}

#[tokio::test]
async fn a28_without_redis_the_record_is_asked() -> Result<()> {
    let server = Server::start(&[]).await?;
    let house = House::with(Script::echo(), client(server.port), Gate::new(generous()?))?;
    let org = house.organization();
    let ada = org.admin();
    ada.get("/v1/agents").await?.expect(200);
    server.kill();
    ada.get("/v1/agents").await?.expect(200);
    take_back(&house, &org, Kind::User, "ada").await?;
    assert_eq!(ada.get("/v1/agents").await?.problem(401), "unauthenticated");
    Ok(())
}

#[tokio::test]
async fn a28_without_redis_and_the_record_administration_is_closed_and_work_goes_on() -> Result<()>
{
    let [nowhere] = local::ports::free()?;
    let url = Secret::new(format!("postgres://app:x@127.0.0.1:{nowhere}/cadre"));
    let dead = |redis: Redis| -> Result<App> {
        let database = config::Database { url: url.clone(), ca: None, pool: 1 };
        Ok(App::new(Parts {
            db: Db::connect(&database)?.into(),
            redis: redis.into(),
            gate: Gate::new(generous()?).into(),
            ..Parts::default()
        }))
    };
    let both = dead(client(nowhere))?;
    // Redis is there and has forgotten: nobody knows either.
    let record = dead(patient()?)?;
    for app in [both, record] {
        let caller = caller(Uuid::now_v7(), "ada");
        let mut step_up = access("agents:read");
        step_up.mfa = true;
        for closed in
            [access("members:write"), access("roles:read"), access("unheard-of:read"), step_up]
        {
            let passed = gate::pass(app, &closed, "GET /x", &caller, None).await;
            assert!(matches!(passed, Err(Error::Unavailable(_))), "{closed:?}");
        }
        for open in ["agents:read", "runs:write", "documents:read"] {
            let passed = gate::pass(app, &access(open), "GET /x", &caller, None).await;
            assert!(passed.is_ok(), "{open}");
        }
    }
    Ok(())
}
