//! Caps on tokens and money hold under a race, and what was kept aside comes back.

use std::time::Duration;

use anyhow::{Result, ensure};
use runs::model::RunRef;
use serde_json::{Map, Value, json};
use shared::app::Parts;
use shared::auth::Verifier;
use shared::config::{self, Secret};
use shared::db::Db;
use shared::llm::{Llm, Provider, Settings};
use shared::{App, Error};
use tests::scripted::{Latency, Reply, Script, Server};
use tests::{House, Organization, Signer, crash, drive};

use crate::team;

const STEPS: usize = 40;
/// What one call may use at most: 4,000 tokens of prompt and 200 of answer.
const MOST: i64 = 4_200;
/// What it does use, in the scripts below: nearly all of it.
const USED: i64 = 4_100;

fn usage_of_chat() -> Reply {
    let body = json!({
        "choices": [{ "index": 0, "message": { "content": "Done." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 3_900, "completion_tokens": 200 },
    });
    Reply::Body { content_type: "application/json", bytes: body.to_string().into_bytes() }
}

fn usage_of_converse() -> Reply {
    Reply::converse(&json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": "Done." }] } },
        "stopReason": "end_turn",
        "usage": { "inputTokens": 3_900, "outputTokens": 200, "totalTokens": 4_100 },
        "metrics": { "latencyMs": 1 },
    }))
}

fn script(reply: &Reply) -> Script {
    let thinks = Latency::Fixed(Duration::from_millis(30));
    Script::replies(vec![reply.clone(); STEPS]).latency(thinks)
}

/// Forty steps side by side, under these caps.
async fn start(org: &Organization<'_>, caps: Value) -> Result<RunRef> {
    let ada = org.admin();
    team::agent(&ada, "ann").await?;
    let step = |n| json!({ "id": format!("s{n}"), "agent": "ann", "max_output_tokens": 200 });
    team::workflow(&ada, "wide", (0..STEPS).map(step).collect()).await?;
    let mut request = json!({ "workflow": "wide", "brief": "A shop that repairs bicycles." });
    request.as_object_mut().unwrap().extend(caps.as_object().unwrap().clone());
    let run = ada.post("/v1/runs", request).await?.expect(202);
    Ok(RunRef { tenant_id: org.tenant(), run_id: run["id"].as_str().unwrap().parse()? })
}

#[derive(Debug, Default)]
struct Spent {
    tokens: i64,
    micros: i64,
    reserved_tokens: i64,
    reserved_micros: i64,
}

async fn spent(app: App, run: RunRef) -> Result<Spent> {
    let sql = "-- it::spent
        select input_tokens + output_tokens as tokens, cost_micros, reserved_tokens, reserved_micros
        from runs where id = $1";
    let row = app.db()?.tenant(run.tenant_id, async |tx| tx.one(sql, &[&run.run_id]).await).await?;
    Ok(Spent {
        tokens: row.try_get("tokens")?,
        micros: row.try_get("cost_micros")?,
        reserved_tokens: row.try_get("reserved_tokens")?,
        reserved_micros: row.try_get("reserved_micros")?,
    })
}

/// Runs all steps at once, and looks all the time: how many got through, how many were refused.
async fn race(app: App, run: RunRef, allowed: fn(&Spent) -> bool) -> Result<(usize, usize)> {
    runs::plan::handle(app, run).await?;
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..STEPS {
        let work = runs::turn::Work { run, step_id: format!("s{n}"), attempt: 0 };
        workers.spawn(runs::step::handle(app, work));
    }
    let (mut done, mut refused) = (0, 0);
    while !workers.is_empty() {
        let now = spent(app, run).await?;
        ensure!(allowed(&now), "{now:?}");
        while let Some(outcome) = workers.try_join_next() {
            match outcome? {
                Ok(_) => done += 1,
                Err(Error::SpendCapReached(sentence)) => {
                    ensure!(sentence.contains("cap"), "{sentence}");
                    refused += 1;
                }
                Err(other) => return Err(other.into()),
            }
        }
    }
    Ok((done, refused))
}

/// The run is closed as the machine would, and nothing stays reserved.
async fn close(house: &House, org: &Organization<'_>, run: RunRef) -> Result<Value> {
    let failure = json!({
        "tenant_id": run.tenant_id, "run_id": run.run_id, "error": "SpendCapReached",
        "cause": json!({ "errorMessage": "over the cap" }).to_string(),
    });
    runs::fail::handle(house.app, serde_json::from_value(failure)?).await?;
    crash::ended(house.app, org.tenant()).await?;
    Ok(org.admin().get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200))
}

#[tokio::test]
async fn forty_steps_that_race_for_the_tokens_of_five_never_pass_the_cap() -> Result<()> {
    let house = House::with_model(script(&usage_of_chat()))?;
    let org = house.organization();
    let run = start(&org, json!({ "token_cap": 5 * MOST })).await?;
    let within = |now: &Spent| now.tokens + now.reserved_tokens <= 5 * MOST;
    let (done, refused) = race(house.app, run, within).await?;
    assert_eq!((done, refused), (5, STEPS - 5));
    assert_eq!(house.model.count(), 5, "who is refused calls no model");

    let end = spent(house.app, run).await?;
    assert_eq!((end.tokens, end.reserved_tokens), (5 * USED, 0));
    let closed = close(&house, &org, run).await?;
    assert_eq!(closed["state"], "stopped");
    assert_eq!(closed["error"], json!({ "name": "SpendCapReached", "detail": "over the cap" }));
    Ok(())
}

#[tokio::test]
async fn what_a_call_did_not_use_comes_back_for_the_next() -> Result<()> {
    // Short answers: of 4,200 reserved tokens most come back.
    let house = House::open()?;
    let org = house.organization();
    let run = start(&org, json!({ "token_cap": 5 * MOST })).await?;
    runs::plan::handle(house.app, run).await?;
    for n in 0..STEPS {
        let work = runs::turn::Work { run, step_id: format!("s{n}"), attempt: 0 };
        runs::step::handle(house.app, work).await?;
    }
    let end = spent(house.app, run).await?;
    assert!(end.tokens < 5 * MOST && end.reserved_tokens == 0, "{end:?}");
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await.map(drop)
}

#[tokio::test]
async fn a_call_that_fails_gives_back_what_it_reserved() -> Result<()> {
    let house = House::with_model(Script::replies(vec![Reply::status(400); 3]))?;
    let org = house.organization();
    let run = start(&org, json!({ "token_cap": MOST, "micros_cap": 0 })).await?;
    runs::plan::handle(house.app, run).await?;
    let work = runs::turn::Work { run, step_id: "s0".into(), attempt: 0 };
    for _ in 0..3 {
        let failed = runs::step::handle(house.app, work.clone()).await.unwrap_err();
        assert_eq!(failed.name(), "ModelRefused");
        crash::ledger(house.app, org.tenant()).await?;
        assert_eq!(spent(house.app, run).await?.reserved_tokens, 0);
    }
    runs::step::handle(house.app, work).await?;
    close(&house, &org, run).await.map(drop)
}

/// Dear enough to count: Bedrock's protocol, with a model that has a price.
fn priced() -> Result<House> {
    let model = Server::start(script(&usage_of_converse()))?;
    let signer = Signer::start();
    let llm = Llm::from_settings(&Settings {
        provider: Provider::Bedrock,
        base_url: Some(model.endpoint.clone()),
        api_key: Some(Secret::new("a-key".into())),
        model: "amazon.nova-pro-v1:0".into(),
        context_tokens: 4_000,
        timeout: Duration::from_secs(10),
        sampling: Map::new(),
    })?;
    let db = Db::connect(&config::Database { pool: 8, ..config::Database::from_env()? })?;
    let app = App::new(Parts {
        db: db.into(),
        auth: Verifier::new(signer.settings()).into(),
        llm: llm.into(),
        dynamo: tests::dynamo::small().into(),
        ..Parts::default()
    });
    Ok(House { app, router: host::router(app)?, signer, model })
}

/// At 0.8 and 3.2 millionths a token: 4,000 and 200 reserved, 3,900 and 200 used.
const MOST_MICROS: i64 = 3_200 + 640;
const USED_MICROS: i64 = 3_120 + 640;

#[tokio::test]
async fn p6_forty_steps_that_race_for_the_money_of_five_never_pass_the_cap() -> Result<()> {
    let house = priced()?;
    let org = house.organization();
    let run = start(&org, json!({ "micros_cap": 5 * MOST_MICROS })).await?;
    let within = |now: &Spent| now.micros + now.reserved_micros <= 5 * MOST_MICROS;
    let (done, refused) = race(house.app, run, within).await?;
    assert_eq!((done, refused), (5, STEPS - 5));

    let end = spent(house.app, run).await?;
    assert_eq!((end.micros, end.reserved_micros), (5 * USED_MICROS, 0));
    close(&house, &org, run).await.map(drop)
}

#[tokio::test]
async fn a_cap_below_one_call_refuses_the_first_and_says_what_to_do() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let run = start(&org, json!({ "token_cap": MOST - 1 })).await?;
    let refused = drive::to_the_end(house.app, run).await.unwrap_err();
    assert_eq!(refused.name(), "SpendCapReached");
    assert!(refused.to_string().contains("token_cap"), "{refused}");
    assert_eq!(house.model.count(), 0);
    close(&house, &org, run).await.map(drop)
}
