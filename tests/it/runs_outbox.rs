//! A run is accepted though Step Functions cannot be reached, and told when it can.
//!
//! One test calls the schedule, and only one: it looks at the messages of all tenants.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use reqwest::Method;
use runs::model::RunRef;
use serde_json::{Value, json};
use tests::crash::{HostProcess, Invoke};
use tests::{EVERYTHING, House, Organization};

use crate::crash_points::value;
use crate::team;

const MACHINE: &str = "arn:aws:states:eu-west-1:000000000000:stateMachine:run";

/// Answers as Step Functions does, with this status; 0 is silence.
struct StandIn {
    status: AtomicU16,
    /// Each call's operation and body.
    heard: Mutex<Vec<(String, Value)>>,
}

impl StandIn {
    async fn listen(port: u16) -> Result<Arc<Self>> {
        let own = Arc::new(Self { status: 200.into(), heard: Mutex::default() });
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&own));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(own)
    }

    fn turn(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What was asked about this run.
    fn heard(&self, run: RunRef) -> Vec<(String, Value)> {
        let heard = self.heard.lock().unwrap();
        let name = run.run_id.to_string();
        heard.iter().filter(|(_, body)| body.to_string().contains(&name)).cloned().collect()
    }
}

async fn answer(State(own): State<Arc<StandIn>>, headers: HeaderMap, body: String) -> Response {
    let status = own.status.load(Ordering::SeqCst);
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let target = headers["x-amz-target"].to_str().unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    own.heard.lock().unwrap().push((operation.clone(), body));
    let answer = match (status, operation.as_str()) {
        (200, "StartExecution") => json!({ "executionArn": "arn:aws:x", "startDate": 1.0 }),
        (200, _) => json!({ "stopDate": 1.0 }),
        (400, _) => json!({ "__type": "ExecutionAlreadyExists", "message": "scripted" }),
        _ => json!({ "__type": "InternalError", "message": "scripted" }),
    };
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/x-amz-json-1.0")], answer.to_string()).into_response()
}

/// A product whose Step Functions are at this port; nowhere, when there is none.
fn product(house: &House, port: Option<u16>) -> Result<HostProcess> {
    let auth = house.signer.environment();
    let endpoint = format!("http://127.0.0.1:{}", port.unwrap_or_default());
    let mut environment = vec![
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
    ];
    environment.extend(auth.iter().map(|(name, value)| (*name, value.as_str())));
    if port.is_some() {
        environment.push(("RUN_STATE_MACHINE_ARN", MACHINE));
    }
    HostProcess::start(&environment)
}

async fn post(
    product: &HostProcess,
    house: &House,
    org: &Organization<'_>,
    path: &str,
    body: Value,
) -> Result<Value> {
    let claims = json!({ "sub": "ada", "org_id": org.org_id, "permissions": EVERYTHING });
    let request =
        product.request(Method::POST, path).await.bearer_auth(house.signer.token(&claims));
    let request = request.header("content-type", "application/json").body(body.to_string());
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    assert_eq!(status, 202, "{text}");
    Ok(serde_json::from_str(&text)?)
}

async fn start(product: &HostProcess, house: &House, org: &Organization<'_>) -> Result<RunRef> {
    let brief = json!({ "workflow": "five", "brief": "A shop." });
    let run = post(product, house, org, "/v1/runs", brief).await?;
    Ok(RunRef { tenant_id: org.tenant(), run_id: run["id"].as_str().unwrap().parse()? })
}

async fn cancel(
    product: &HostProcess,
    house: &House,
    org: &Organization<'_>,
    run: RunRef,
) -> Result<()> {
    let path = format!("/v1/runs/{}/cancel", run.run_id);
    post(product, house, org, &path, json!({})).await.map(drop)
}

/// The messages about a run: topic, and whether it was delivered; in their order.
async fn outbox(house: &House, run: RunRef) -> Result<Vec<(String, bool)>> {
    let sql = "-- it::outbox
        select topic, delivered_at is not null as delivered
        from outbox where subject = $1 order by created_at, id";
    let rows = house.app.db()?;
    let rows = rows.tenant(run.tenant_id, async |tx| tx.all(sql, &[&run.run_id]).await).await?;
    rows.iter().map(|row| Ok((row.try_get("topic")?, row.try_get("delivered")?))).collect()
}

/// Makes its messages old enough for the schedule, and the first of all.
async fn age(house: &House, run: RunRef) -> Result<()> {
    let sql = "-- it::age
        update outbox set created_at = created_at - interval '1 year' where subject = $1";
    house.app.db()?.tenant(run.tenant_id, async |tx| tx.run(sql, &[&run.run_id]).await).await?;
    Ok(())
}

async fn dispatch(product: &HostProcess) -> Value {
    value(product.invoke("runs-dispatch", json!({}), 0).await)
}

/// Delivers what other tests have left.
async fn empty(house: &House) -> Result<()> {
    let [port] = local::ports::free()?;
    let _states = StandIn::listen(port).await?;
    let product = product(house, Some(port))?;
    while dispatch(&product).await["delivered"] != 0 {}
    Ok(())
}

fn message(topic: &str, delivered: bool) -> (String, bool) {
    (topic.to_owned(), delivered)
}

/// When its first message was delivered.
async fn delivered_at(house: &House, run: RunRef) -> Result<Option<String>> {
    let sql = "-- it::delivered_at
        select delivered_at::text as at from outbox where subject = $1 order by created_at limit 1";
    let db = house.app.db()?;
    let row = db.tenant(run.tenant_id, async |tx| tx.one(sql, &[&run.run_id]).await).await?;
    Ok(row.try_get("at")?)
}

#[tokio::test]
async fn a_run_is_accepted_where_nobody_has_named_a_state_machine() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let product = product(&house, None)?;
    let run = start(&product, &house, &org).await?;
    assert_eq!(outbox(&house, run).await?, [message("run.start", false)]);
    Ok(())
}

#[tokio::test]
async fn what_step_functions_did_not_hear_of_is_told_later_and_once() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let [port] = local::ports::free()?;
    let product = product(&house, Some(port))?;
    empty(&house).await?;

    let run = start(&product, &house, &org).await?;
    assert_eq!(outbox(&house, run).await?, [message("run.start", false)]);

    let states = StandIn::listen(port).await?;
    dispatch(&product).await;
    assert_eq!(states.heard(run), [], "a young message is still with whoever wrote it");

    age(&house, run).await?;
    states.turn(500);
    assert!(dispatch(&product).await["failed"].as_u64() > Some(0));
    assert_eq!(outbox(&house, run).await?, [message("run.start", false)]);

    states.turn(200);
    states.heard.lock().unwrap().clear();
    let told = dispatch(&product).await;
    assert!(told["delivered"].as_u64() > Some(0) && told["failed"] == 0, "{told}");
    assert_eq!(outbox(&house, run).await?, [message("run.start", true)]);
    let heard = states.heard(run);
    let [(operation, asked)] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(operation, "StartExecution");
    assert_eq!(asked["stateMachineArn"], MACHINE);
    assert_eq!(asked["name"], run.run_id.to_string());
    let input: Value = serde_json::from_str(asked["input"].as_str().context("no input")?)?;
    assert_eq!(input, json!(run), "ids and nothing else");

    let marked = delivered_at(&house, run).await?;
    dispatch(&product).await;
    assert_eq!(states.heard(run).len(), 1, "what was delivered is not told again");
    assert_eq!(delivered_at(&house, run).await?, marked, "nor marked again");

    states.turn(500);
    cancel(&product, &house, &org, run).await?;
    assert_eq!(outbox(&house, run).await?[1], message("run.stop", false));
    states.turn(200);
    age(&house, run).await?;
    dispatch(&product).await;
    assert_eq!(outbox(&house, run).await?[1], message("run.stop", true));
    Ok(())
}

#[tokio::test]
async fn an_execution_that_is_there_already_counts_as_started() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let [port] = local::ports::free()?;
    let states = StandIn::listen(port).await?;
    states.turn(400);
    let product = product(&house, Some(port))?;
    let run = start(&product, &house, &org).await?;
    assert_eq!(outbox(&house, run).await?, [message("run.start", true)]);
    Ok(())
}

#[tokio::test]
async fn who_asks_does_not_wait_for_step_functions_that_stay_silent() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let [port] = local::ports::free()?;
    let states = StandIn::listen(port).await?;
    states.turn(0);
    let product = product(&house, Some(port))?;
    let asked = Instant::now();
    let run = tokio::time::timeout(Duration::from_secs(10), start(&product, &house, &org)).await;
    let run = run.context("the request outlives its function")??;
    println!("accepted after {:?}", asked.elapsed());
    assert_eq!(outbox(&house, run).await?, [message("run.start", false)]);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_is_stopped_there_too() -> Result<()> {
    let house = House::open()?;
    let org = house.organization();
    team::five_steps(&org.admin()).await?;
    let [port] = local::ports::free()?;
    let states = StandIn::listen(port).await?;
    let product = product(&house, Some(port))?;

    let run = start(&product, &house, &org).await?;
    cancel(&product, &house, &org, run).await?;
    // What the run held is looked after when nobody can be at work on it any more.
    let told = [("run.start", true), ("run.stop", true), ("spend.settle", false)];
    assert_eq!(outbox(&house, run).await?, told.map(|(topic, told)| message(topic, told)));
    let heard = states.heard(run);
    let (operation, asked) = heard.last().context("nothing heard")?;
    assert_eq!(operation, "StopExecution");
    let execution = format!("{}:{}", MACHINE.replace("stateMachine", "execution"), run.run_id);
    assert_eq!(asked["executionArn"], execution);
    Ok(())
}
