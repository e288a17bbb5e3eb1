//! API keys: shown once, kept as a digest, no wider than whoever made them, gone when revoked.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{House, Organization, Person};
use uuid::Uuid;

use crate::record;
use crate::world::text;

async fn make(who: &Person<'_>, permissions: &[&str]) -> Result<(Value, String)> {
    let body = json!({ "name": "test", "permissions": permissions, "expires_in_days": 1 });
    let made = who.post("/v1/keys", body).await?.expect(201);
    let secret = text(&made["secret"]);
    Ok((made, secret))
}

/// Changes rows of one organization past the product.
async fn meddle(org: &Organization<'_>, sql: &str) -> Result<()> {
    let owner = record::owner().await?;
    owner
        .batch_execute(&format!("begin; select sec.enter('{}'); {sql}; commit", org.tenant()))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_key_does_what_it_was_given_and_nothing_else() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (made, secret) = make(&org.admin(), &["runs:read"]).await?;
    let key = house.with_token(&secret);
    key.get("/v1/runs").await?.expect(200);
    assert_eq!(key.get("/v1/agents").await?.problem(403), "forbidden");
    assert!(secret.ends_with(&text(&made["hint"])));
    Ok(())
}

#[tokio::test]
async fn the_secret_is_shown_once_and_kept_nowhere() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let (_, secret) = make(&ada, &["runs:read"]).await?;
    let list = ada.get("/v1/keys").await?.expect(200);
    assert!(!list.to_string().contains(&secret[30..60]));
    let owner = record::owner().await?;
    owner.batch_execute(&format!("begin; select sec.enter('{}')", org.tenant())).await?;
    let all = record::rows(&owner, "select to_jsonb(k)::text from api_keys k").await?;
    assert_eq!(all.len(), 1);
    assert!(!format!("{all:?}").contains(&secret[30..60]));
    Ok(())
}

#[tokio::test]
async fn a_key_is_no_wider_than_its_maker_now_or_later() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let bob = org.member("bob", &["keys:write", "runs:read"]);
    let wider = json!({ "name": "wider", "permissions": ["runs:read", "agents:read"] });
    assert_eq!(bob.post("/v1/keys", wider).await?.problem(403), "forbidden");
    let (_, secret) = make(&bob, &["runs:read"]).await?;
    let key = house.with_token(&secret);
    key.get("/v1/runs").await?.expect(200);
    let id = Uuid::new_v5(&org.tenant(), b"bob");
    let ada = org.admin();
    ada.post("/v1/roles", json!({ "slug": "none", "name": "None", "permissions": [] }))
        .await?
        .expect(201);
    let roles = json!({ "roles": ["none"] });
    ada.put(&format!("/v1/members/{id}/roles"), roles).await?.expect(200);
    assert_eq!(key.get("/v1/runs").await?.problem(403), "forbidden");
    Ok(())
}

/// Otherwise a stolen key would outlive its revocation.
#[tokio::test]
async fn a_key_makes_no_keys() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let (_, secret) = make(&org.admin(), &["keys:write", "runs:read"]).await?;
    let body = json!({ "name": "child", "permissions": ["runs:read"] });
    assert_eq!(house.with_token(&secret).post("/v1/keys", body).await?.problem(403), "forbidden");
    Ok(())
}

#[tokio::test]
async fn a_revoked_or_expired_key_is_refused_and_so_is_one_that_never_was() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let (made, secret) = make(&ada, &["runs:read"]).await?;
    let key = house.with_token(&secret);
    key.get("/v1/runs").await?.expect(200);
    let path = format!("/v1/keys/{}", text(&made["id"]));
    let revoked = ada.call("DELETE", &path, &Value::Null).await?.expect(200);
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(key.get("/v1/runs").await?.status, 401);
    ada.call("DELETE", &path, &Value::Null).await?.expect(200);

    let (_, secret) = make(&ada, &["runs:read"]).await?;
    meddle(&org, "update api_keys set expires_at = now() - interval '1 second'").await?;
    assert_eq!(house.with_token(&secret).get("/v1/runs").await?.status, 401);

    let unknown = shared::auth::key::make(org.tenant())?;
    assert_eq!(house.with_token(unknown.key.expose()).get("/v1/runs").await?.status, 401);
    for typo in [&secret[..secret.len() - 1], &secret.replace("cdr_", "cdr-"), "cdr_", "cdr_x"] {
        assert_eq!(house.with_token(typo).get("/v1/runs").await?.status, 401, "{typo}");
    }
    Ok(())
}

/// The digest is of the whole key, so the same secret under another tenant's id is another key.
#[tokio::test]
async fn a_key_with_another_tenants_id_finds_nothing_there() -> Result<()> {
    let house = House::open()?;
    let (ours, theirs) = (house.organization(), house.organization());
    let (_, secret) = make(&ours.admin(), &["runs:read"]).await?;
    make(&theirs.admin(), &["runs:read"]).await?;
    let others = shared::auth::key::make(theirs.tenant())?;
    let forged = format!("{}{}", &others.key.expose()[..26], &secret[26..]);
    assert_eq!(house.with_token(&forged).get("/v1/runs").await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn that_a_key_was_used_is_written_once_in_five_minutes() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    let (made, secret) = make(&ada, &["runs:read"]).await?;
    assert_eq!(made["last_used_at"], Value::Null);
    let key = house.with_token(&secret);
    let used = async || -> Result<String> {
        key.get("/v1/runs").await?.expect(200);
        Ok(text(&ada.get("/v1/keys").await?.expect(200)["items"][0]["last_used_at"]))
    };
    let first = used().await?;
    assert_eq!(used().await?, first);
    meddle(&org, "update api_keys set last_used_at = now() - interval '6 minutes'").await?;
    assert!(used().await? > first);
    Ok(())
}

#[tokio::test]
async fn a_key_that_cannot_be_is_refused() -> Result<()> {
    let house = House::open()?;
    let ada = house.organization().admin();
    for body in [
        json!({ "name": "", "permissions": ["runs:read"] }),
        json!({ "name": "x", "permissions": [] }),
        json!({ "name": "x", "permissions": ["runs:fly"] }),
        json!({ "name": "x", "permissions": ["runs:read"], "expires_in_days": 0 }),
        json!({ "name": "x", "permissions": ["runs:read"], "expires_in_days": 366 }),
        json!({ "name": "x\n", "permissions": ["runs:read"] }),
    ] {
        assert_eq!(ada.post("/v1/keys", body.clone()).await?.problem(422), "invalid", "{body}");
    }
    Ok(())
}
