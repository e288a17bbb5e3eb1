//! Accounts through the door: caps, switches and the report; and what becomes of a run that they stop.

use std::sync::Arc;

use anyhow::Result;
use runs::model::RunRef;
use serde_json::{Value, json};
use shared::app::Parts;
use tests::crash::{Inside, Machine};
use tests::dynamo::{at, small};
use tests::scripted::Script;
use tests::{House, Organization, Person, crash, drive};
use uuid::Uuid;

use crate::crash::start;
use crate::team;

/// What one call of these houses may use at most: 4,000 tokens of prompt and 512 of answer.
const MOST: i64 = 4_512;

async fn account(ada: &Person<'_>, query: &str) -> Result<Value> {
    let page = ada.get(&format!("/v1/spend?{query}")).await?.expect(200);
    Ok(page["items"][0].clone())
}

pub(crate) async fn cap(ada: &Person<'_>, body: Value) -> Result<Value> {
    Ok(ada.put("/v1/spend/caps", body).await?.expect(200))
}

pub(crate) async fn switch(
    ada: &Person<'_>,
    scope: &str,
    id: Option<Uuid>,
    off: Option<&str>,
) -> Result<()> {
    let body = json!({ "scope": scope, "id": id, "off": off });
    ada.put("/v1/spend/switch", body).await?.expect(200);
    Ok(())
}

/// A run as the state machine drives it, without its waits.
pub(crate) async fn driven(house: &House, run: RunRef) -> Result<String> {
    Machine::new(Arc::new(Inside(house.router.clone()))).execute(run).await
}

async fn run_of(ada: &Person<'_>, run: RunRef) -> Result<Value> {
    Ok(ada.get(&format!("/v1/runs/{}", run.run_id)).await?.expect(200))
}

/// What the ledger counts is what the bill says, on each account and to the last unit.
pub(crate) async fn agree(house: &House, org: &Organization<'_>) -> Result<(i64, i64)> {
    let sql = "-- it::billed
        select coalesce(sum(input_tokens::bigint + output_tokens), 0)::bigint as tokens,
               coalesce(sum(cost_micros), 0)::bigint as micros
        from usage";
    let row = house.app.db()?.tenant(org.tenant(), async |tx| tx.one(sql, &[]).await).await?;
    let bill: (i64, i64) = (row.try_get("tokens")?, row.try_get("micros")?);
    let ada = org.admin();
    for scope in ["tenant", "day"] {
        let account = account(&ada, &format!("scope={scope}")).await?;
        let used = &account["used"];
        assert_eq!(
            (used["tokens"].as_i64(), used["micros"].as_i64()),
            (Some(bill.0), Some(bill.1))
        );
        assert_eq!(account["held"], json!({ "tokens": 0, "micros": 0 }), "{scope}");
    }
    Ok(bill)
}

#[tokio::test]
async fn what_a_run_used_is_on_every_account_and_nothing_stays_held() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    assert_eq!(drive::to_the_end(house.app, run).await?, "succeeded");
    crash::succeeded(house.app, org.tenant()).await?;
    let (tokens, _) = agree(&house, &org).await?;
    assert!(tokens > 0);

    let used = |account: &Value| account["used"]["tokens"].as_i64().unwrap();
    let of_run = account(&ada, &format!("scope=run&id={}", run.run_id)).await?;
    assert_eq!((used(&of_run), of_run["name"].as_str()), (tokens, Some("five")));
    assert_eq!(of_run["caps"], json!({ "tokens": 2_000_000, "micros": 10_000_000 }));
    for scope in ["agent", "user"] {
        let page = ada.get(&format!("/v1/spend?scope={scope}&limit=100")).await?.expect(200);
        let sum: i64 = page["items"].as_array().unwrap().iter().map(used).sum();
        assert_eq!(sum, tokens, "{scope}s");
    }
    // By pages: one agent at a time.
    let (mut next, mut seen) = (String::new(), 0);
    loop {
        let page = ada.get(&format!("/v1/spend?scope=agent&limit=1{next}")).await?.expect(200);
        seen += page["items"].as_array().unwrap().len();
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen, 3);
    let days = ada.get("/v1/spend?scope=day").await?.expect(200);
    assert_eq!(days["items"].as_array().unwrap().len(), 31);
    let overview = ada.get("/v1/spend").await?.expect(200);
    let scopes: Vec<_> =
        overview["items"].as_array().unwrap().iter().map(|a| &a["scope"]).collect();
    assert_eq!(scopes, ["tenant", "day"]);
    Ok(())
}

#[tokio::test]
async fn a_cap_of_each_kind_stops_a_run_and_the_run_says_which() -> Result<()> {
    let house = House::open()?;
    for scope in ["run", "agent", "user", "tenant", "day"] {
        let org = house.organization();
        let ada = org.admin();
        team::five_steps(&ada).await?;
        let free = start(&org, &ada, "five").await?;
        let run = start(&org, &ada, "five").await?;
        let agents = ada.get("/v1/agents?slug=ann").await?.expect(200);
        let users = ada.get("/v1/spend?scope=user").await?.expect(200);
        let id = match scope {
            "run" => json!(run.run_id),
            "agent" => agents["items"][0]["id"].clone(),
            "user" => users["items"][0]["id"].clone(),
            _ => Value::Null,
        };
        let capped = cap(&ada, json!({ "scope": scope, "id": id, "tokens": MOST - 1 })).await?;
        assert_eq!(capped["caps"]["tokens"], MOST - 1, "{capped}");

        let before = house.model.count();
        assert_eq!(driven(&house, run).await?, "stopped", "{scope}");
        assert_eq!(house.model.count(), before, "no call began");
        let stopped = run_of(&ada, run).await?;
        assert_eq!(stopped["error"]["name"], "SpendCapReached", "{stopped}");
        let detail = stopped["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("the {scope}'s cap of {} tokens", MOST - 1)), "{detail}");
        let events =
            ada.get(&format!("/v1/runs/{}/events?limit=100", run.run_id)).await?.expect(200);
        let last = events["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(
            (&last["kind"], &last["data"]["name"]),
            (&json!("run.stopped"), &json!("SpendCapReached"))
        );
        assert!(last["step_id"].is_string(), "{last}");

        // Without the cap, and for others, work goes on.
        if scope != "run" {
            cap(&ada, json!({ "scope": scope, "id": id })).await?;
        }
        assert_eq!(driven(&house, free).await?, "succeeded", "{scope}");
        crash::ended(house.app, org.tenant()).await?;
        agree(&house, &org).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_switch_of_each_kind_stops_a_run_by_its_name_and_no_other() -> Result<()> {
    let house = House::open()?;
    for scope in ["run", "agent", "user", "tenant"] {
        let org = house.organization();
        let ada = org.admin();
        team::five_steps(&ada).await?;
        let (free, run) = (start(&org, &ada, "five").await?, start(&org, &ada, "five").await?);
        let agents = ada.get("/v1/agents?slug=ann").await?.expect(200);
        let users = ada.get("/v1/spend?scope=user").await?.expect(200);
        let id = |value: &Value| value["items"][0]["id"].as_str().unwrap().parse::<Uuid>();
        let id = match scope {
            "run" => Some(run.run_id),
            "agent" => Some(id(&agents)?),
            "user" => Some(id(&users)?),
            _ => None,
        };
        switch(&ada, scope, id, Some("it runs away")).await?;
        assert_eq!(driven(&house, run).await?, "stopped", "{scope}");
        let stopped = run_of(&ada, run).await?;
        assert_eq!(stopped["error"]["name"], "SpendStopped", "{stopped}");
        assert!(stopped["error"]["detail"].as_str().unwrap().contains("it runs away"));
        if scope != "run" {
            switch(&ada, scope, id, None).await?;
        }
        assert_eq!(driven(&house, free).await?, "succeeded", "{scope}");
        agree(&house, &org).await?;
    }
    Ok(())
}

#[tokio::test]
async fn caps_and_switches_are_audited_and_ask_for_a_second_factor() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    let ada = org.admin();
    cap(&ada, json!({ "scope": "tenant", "micros": 5 })).await?;
    cap(&ada, json!({ "scope": "day", "tokens": 7 })).await?;
    switch(&ada, "tenant", None, Some("enough")).await?;
    switch(&ada, "tenant", None, None).await?;
    let tenant = account(&ada, "scope=tenant").await?;
    assert_eq!(tenant["caps"], json!({ "tokens": null, "micros": 5 }), "one of the day is another");
    assert_eq!(account(&ada, "scope=day").await?["caps"], json!({ "tokens": 7, "micros": null }));

    let sql = "-- it::audited
        select array_agg(action order by at) as actions from audit_log where action like 'spend.%'";
    let row = house.app.db()?.tenant(org.tenant(), async |tx| tx.one(sql, &[]).await).await?;
    let actions: Vec<String> = row.try_get("actions")?;
    assert_eq!(actions, ["spend.capped", "spend.capped", "spend.stopped", "spend.resumed"]);

    let mut claims = org.claims("bob", &["spend:write", "spend:read"]);
    claims[shared::config::AMR_CLAIM] = json!(["pwd"]);
    let weak = org.with_claims(&claims);
    for (path, body) in [
        ("/v1/spend/caps", json!({ "scope": "tenant" })),
        ("/v1/spend/switch", json!({ "scope": "tenant", "off": "x" })),
    ] {
        let refused = weak.put(path, body).await?;
        assert_eq!(refused.problem(401), "insufficient-user-authentication");
    }
    Ok(())
}

#[tokio::test]
async fn what_nobody_can_mean_is_refused() -> Result<()> {
    let house = House::open()?;
    let (org, other) = (house.organization(), house.organization());
    let (ada, eve) = (org.admin(), other.admin());
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    for (body, status) in [
        (json!({ "scope": "run" }), 422),
        (json!({ "scope": "tenant", "id": run.run_id }), 422),
        (json!({ "scope": "day", "id": run.run_id }), 422),
        (json!({ "scope": "tenant", "tokens": -1 }), 422),
        (json!({ "scope": "tenant", "micros": 2_000_000_000_000_i64 }), 422),
        (json!({ "scope": "run", "id": Uuid::nil() }), 422),
        (json!({ "scope": "agent", "id": run.run_id }), 422),
    ] {
        ada.put("/v1/spend/caps", body).await?.problem(status);
    }
    let theirs = json!({ "scope": "run", "id": run.run_id, "off": "x" });
    assert_eq!(eve.put("/v1/spend/switch", theirs).await?.problem(422), "account-missing");
    for body in [json!({ "scope": "day", "off": "x" }), json!({ "scope": "tenant", "off": " " })] {
        ada.put("/v1/spend/switch", body).await?.problem(422);
    }
    for query in ["id=00000000-0000-0000-0000-000000000000", "scope=day&cursor=AAAA"] {
        ada.get(&format!("/v1/spend?{query}")).await?.problem(422);
    }
    let nothing = eve.get(&format!("/v1/spend?scope=run&id={}", run.run_id)).await?;
    assert_eq!(nothing.problem(422), "account-missing");
    Ok(())
}

#[tokio::test]
async fn without_dynamo_no_call_begins_and_the_worker_may_try_again() -> Result<()> {
    let [nowhere] = local::ports::free()?;
    let dynamo = at(&format!("http://127.0.0.1:{nowhere}")).into();
    let house = House::of(Script::echo(), Parts { dynamo, ..Parts::default() })?;
    let org = house.organization();
    let ada = org.admin();
    team::five_steps(&ada).await?;
    let run = start(&org, &ada, "five").await?;
    runs::plan::handle(house.app, run).await?;
    let work = runs::turn::Work { run, step_id: "first".into(), attempt: 0 };
    let refused = runs::step::handle(house.app, work).await.unwrap_err();
    assert_eq!(refused.name(), "Unavailable");
    assert_eq!(house.model.count(), 0, "a call began that nobody had allowed");
    crash::ledger(house.app, org.tenant()).await?;
    assert_eq!(run_of(&ada, run).await?["spend"]["reserved_tokens"], 0);
    assert_eq!(ada.get("/v1/spend").await?.problem(503), "unavailable");

    // Somewhere where DynamoDB is, it goes on.
    let healthy = House::of(Script::echo(), Parts { dynamo: small().into(), ..Parts::default() })?;
    assert_eq!(drive::to_the_end(healthy.app, run).await?, "succeeded");
    Ok(())
}
