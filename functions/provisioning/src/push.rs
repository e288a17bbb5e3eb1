//! Schedule `rate(1 minute)`: tell the issuer whom a company's identity provider brought or took.
//!
//! Not what happened is told, but how it should be: the person exists and belongs to the
//! organization, or does not belong to it. So telling twice is harmless, and whoever was killed
//! between the issuer's answer and our commit is told again. The issuer's id of a person follows
//! from ours, and we look before we create: a second person cannot come of it.
//!
//! Nobody is blocked or deleted at the issuer: they may belong to other organizations too.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::redis::Redis;
use shared::{App, Error, Result};
use uuid::Uuid;

use crate::management::{self, Answer, Management, encoded};
use crate::queries::{self, Wanted};

const MOST: i32 = 200;
/// No further person is begun after this: the function has 55 seconds.
const LONGEST: Duration = Duration::from_secs(40);

/// A schedule's event; what is in it does not matter.
#[derive(Deserialize)]
pub struct Tick {}

#[derive(Debug, Default, Serialize)]
pub struct Pushed {
    pub told: usize,
    pub failed: usize,
}

pub async fn handle(app: App, _: Tick) -> Result<Pushed> {
    match management::of_sandbox()? {
        Some(management) => due(app, management).await,
        None => Ok(Pushed::default()),
    }
}

/// Everybody who has to be told now.
pub async fn due(app: App, management: &Management) -> Result<Pushed> {
    let started = Instant::now();
    let waiting = app.db()?.system(async |tx| queries::due(tx, MOST).await).await?;
    let mut pushed = Pushed::default();
    for (tenant, id) in waiting {
        // The next minute goes on where this one ends.
        if started.elapsed() > LONGEST {
            break;
        }
        match one(app, management, tenant, id).await {
            Ok(()) => pushed.told += 1,
            Err(error) => {
                error.log();
                pushed.failed += 1;
            }
        }
    }
    Ok(pushed)
}

pub async fn one(app: App, management: &Management, tenant: Uuid, id: Uuid) -> Result<()> {
    let db = app.db()?;
    let wanted = db.tenant(tenant, async |tx| queries::claim_push(tx, id).await).await?;
    let Some(wanted) = wanted else { return Ok(()) };
    let sub = tell(app.redis()?, management, id, &wanted).await?;
    db.tenant(tenant, async |tx| queries::pushed(tx, id, wanted.count, sub.as_deref()).await).await
}

/// Returns the issuer's subject, if there is one.
async fn tell(
    redis: &Redis,
    management: &Management,
    id: Uuid,
    wanted: &Wanted,
) -> Result<Option<String>> {
    let members = format!("/organizations/{}/members", wanted.org_id);
    if !wanted.belongs {
        let Some(sub) = &wanted.sub else { return Ok(None) };
        let body = json!({ "members": [sub] });
        management.send(redis, reqwest::Method::DELETE, &members, &body).await?;
        return Ok(Some(sub.clone()));
    }
    let sub = match &wanted.sub {
        Some(sub) => sub.clone(),
        None => exists(redis, management, id, wanted).await?,
    };
    // Whom others brought to the issuer is named by those.
    if sub == ours(id) {
        let profile = json!({ "name": wanted.name });
        match management.send(redis, reqwest::Method::PATCH, &user(&sub), &profile).await? {
            Answer::Done(_) => {}
            // Deleted there: its event, or the report of the night, says so.
            Answer::Missing | Answer::Taken => return Ok(Some(sub)),
        }
    }
    let body = json!({ "members": [sub] });
    match management.send(redis, reqwest::Method::POST, &members, &body).await? {
        Answer::Missing => {
            Err(Error::Internal(anyhow::anyhow!("the issuer has no such organization")))
        }
        Answer::Done(_) | Answer::Taken => Ok(Some(sub)),
    }
}

/// The person at the issuer: found by the id that follows from ours, created under it, or found by
/// their address when they were there before us.
async fn exists(
    redis: &Redis,
    management: &Management,
    id: Uuid,
    wanted: &Wanted,
) -> Result<String> {
    let plain = id.simple().to_string();
    let sub = ours(id);
    if matches!(management.get(redis, &user(&sub)).await?, Answer::Done(_)) {
        return Ok(sub);
    }
    // Nobody signs in by this password: it is made up, and forgotten.
    let password = format!("{}{}aA1!", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let new = json!({
        "user_id": plain, "connection": management.connection(), "email": wanted.email,
        "name": wanted.name, "password": password, "verify_email": false,
    });
    match management.send(redis, reqwest::Method::POST, "/users", &new).await? {
        Answer::Done(_) => Ok(sub),
        Answer::Taken => by_email(redis, management, &sub, &wanted.email).await,
        Answer::Missing => Err(Error::Internal(anyhow::anyhow!("the issuer takes no users"))),
    }
}

async fn by_email(
    redis: &Redis,
    management: &Management,
    sub: &str,
    email: &str,
) -> Result<String> {
    // Somebody else was faster under our own id, or the address was there before us.
    if matches!(management.get(redis, &user(sub)).await?, Answer::Done(_)) {
        return Ok(sub.to_owned());
    }
    let path = format!("/users-by-email?email={}", encoded(email));
    let Answer::Done(Value::Array(found)) = management.get(redis, &path).await? else {
        return Err(Error::Unavailable(anyhow::anyhow!("taken, and not to be found")));
    };
    let found = found.iter().find_map(|user| user["user_id"].as_str());
    found.map(str::to_owned).ok_or_else(|| {
        Error::Unavailable(anyhow::anyhow!("the issuer has that person and does not show them"))
    })
}

/// What the issuer calls whom we bring.
fn ours(id: Uuid) -> String {
    format!("auth0|{}", id.simple())
}

fn user(sub: &str) -> String {
    format!("/users/{}", encoded(sub))
}
