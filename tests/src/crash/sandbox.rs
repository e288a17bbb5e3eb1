//! A function's sandbox as Lambda has it: one event at a time, one connection, its own line to the
//! database and to the model.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use shared::App;
use shared::app::Parts;
use shared::config::{self, Secret};
use shared::db::Db;
use shared::dynamo::Dynamo;
use shared::llm::{Llm, Settings};
use tower::ServiceExt;

use super::machine::{Answer, Invoke};
use super::tap::{At, Moment, Tap};
use crate::dynamo::small;
use crate::house::model_settings;
use crate::scripted::{Script, Server};

/// A house's own functions, through the Invoke API, and none of them dies.
pub struct Inside(pub Router);

impl Invoke for Inside {
    async fn invoke(&self, function: &'static str, event: Value, _retries: u32) -> Answer {
        called(self.0.clone(), function, &event).await
    }
}

fn called(
    router: Router,
    function: &str,
    event: &Value,
) -> impl Future<Output = Answer> + Send + use<> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let request = Request::post(path).body(Body::from(event.to_string()));
    async move {
        let response = router.oneshot(request.expect("a request")).await;
        let Ok(response) = response;
        let failed = response.headers().contains_key("x-amz-function-error");
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        answer(failed, &serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

pub struct Sandbox {
    pub app: App,
    pub tap: Tap,
    pub model: Server,
    router: Router,
}

impl Sandbox {
    pub async fn start(script: Script) -> Result<Self> {
        Self::of(script, |model| model_settings(&model.base_url), small()).await
    }

    /// With a model of these settings, and this line to DynamoDB.
    pub async fn of(
        script: Script,
        settings: impl FnOnce(&Server) -> Settings,
        dynamo: Dynamo,
    ) -> Result<Self> {
        let url = config::Database::from_env()?.url;
        let (before, port, after) = port_of(url.expose()).context("DATABASE_URL has no port")?;
        let tap = Tap::on(port.parse()?).await?;
        // The name is seen in pg_stat_activity, through the pooler too.
        let url = format!("{before}{}{after}?application_name=sandbox-{}", tap.port, tap.port);
        let db = Db::connect(&config::Database { url: Secret::new(url), ca: None, pool: 1 })?;
        let model = Server::start(script)?;
        let llm = Llm::from_settings(&settings(&model))?;
        let dynamo = dynamo.into();
        let app = App::new(Parts { db: db.into(), llm: llm.into(), dynamo, ..Parts::default() });
        Ok(Self { app, tap, model, router: host::router(app)? })
    }

    /// One call of one function, through the Invoke API.
    pub fn call(
        &self,
        function: &str,
        event: &Value,
    ) -> impl Future<Output = Answer> + Send + use<> {
        called(self.router.clone(), function, event)
    }

    /// Calls a function, and lets it die at this point of its line.
    pub async fn dies_at(&self, function: &str, event: &Value, at: At) -> Result<()> {
        self.dies_at_last(function, event, at, 1).await
    }

    /// It passes there some times before.
    pub async fn dies_at_last(
        &self,
        function: &str,
        event: &Value,
        at: At,
        times: usize,
    ) -> Result<()> {
        let name = format!("{function} at {at:?}");
        self.tap.begin();
        self.tap.hold_at_last(at, times);
        tokio::select! {
            biased;
            () = self.tap.held() => {}
            answer = self.call(function, event) => bail!("{name} was not reached: {answer:?}"),
        }
        self.tap.renew();
        Ok(())
    }

    /// Until its statement waits for a lock that somebody else holds.
    pub async fn waits(&self, app: App) -> Result<()> {
        let sql = "-- sandbox::waits
            select count(*) as n from pg_stat_activity
            where application_name = $1 and wait_event_type = 'Lock'";
        let name = format!("sandbox-{}", self.tap.port);
        let look = async || {
            let row = app.db()?.system(async |tx| tx.one(sql, &[&name]).await).await?;
            anyhow::Ok(row.try_get::<_, i64>("n")? > 0)
        };
        until("it waits for a lock", look).await
    }

    /// How far the function has come, in words.
    pub(super) fn point(&self, calls_before: usize) -> String {
        let Some(At { statement, moment }) = self.tap.seen() else {
            return "before its first statement".into();
        };
        let claims =
            ["runs::claim", "runs::claim_room"].map(|name| At::new(name, Moment::Committed));
        let calls = self.model.count() - calls_before;
        let asks = moment == Moment::Committed
            && claims.iter().any(|claimed| statement == claimed.statement);
        let claimed: usize = claims.iter().map(|claimed| self.tap.passed(claimed)).sum();
        if asks && calls >= claimed {
            return "the model is asked".into();
        }
        let far = match moment {
            Moment::Asked => "is sent",
            Moment::Committing => "is being committed",
            Moment::Committed => "is committed",
        };
        format!("{statement} {far}")
    }
}

/// Looks until it is so; ten seconds are an eternity.
pub async fn until(what: &str, so: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    while !so().await? {
        ensure!(Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

pub(super) fn answer(failed: bool, body: &Value) -> Answer {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    if failed {
        return Answer::Error { name: text("errorType"), message: text("errorMessage") };
    }
    Answer::Value(body.clone())
}

/// The parts of a URL around its port.
pub(super) fn port_of(url: &str) -> Option<(&str, &str, &str)> {
    let at = url.rfind('@')?;
    let colon = at + url[at..].find(':')? + 1;
    let end = colon + url[colon..].find(['/', '?']).unwrap_or(url.len() - colon);
    Some((&url[..colon], &url[colon..end], &url[end..]))
}
