//! Somebody who follows a run: what server-sent events tell them, and what they make of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::Person;

/// Nothing of ours is silent for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: Option<String>,
    pub kind: String,
    pub data: Value,
}

/// An answer that goes on.
pub struct Following {
    body: BodyDataStream,
    buffer: Vec<u8>,
    /// How many signs of life, and advice on when to come again.
    pub comments: usize,
    pub retry: Option<u64>,
}

/// What a client makes of it, over any number of cuts.
#[derive(Debug, Default)]
pub struct Heard {
    pub id: Option<String>,
    /// Numbers of the record's events, as they came.
    pub events: Vec<i64>,
    pub kinds: Vec<String>,
    /// By step and turn.
    pub texts: BTreeMap<(String, i64), String>,
    pub resets: usize,
    pub pieces: usize,
    pub over: bool,
    /// When each turn's first piece came.
    pub first: BTreeMap<(String, i64), Instant>,
}

impl Person<'_> {
    /// Follows from after that event on.
    pub async fn follow(&self, run: &str, last: Option<&str>) -> Result<Following> {
        let router = self.router.clone();
        follow(router, self.token.as_deref().unwrap_or_default(), run, last).await
    }
}

pub async fn follow(
    router: Router,
    token: &str,
    run: &str,
    last: Option<&str>,
) -> Result<Following> {
    let mut request = Request::builder().uri(format!("/v1/runs/{run}/stream"));
    request = request.header("authorization", format!("Bearer {token}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = router.oneshot(request.body(Body::empty())?).await?;
    ensure!(response.status() == StatusCode::OK, "{}", response.status());
    ensure!(response.headers()["content-type"] == "text/event-stream");
    Ok(Following::of(response.into_body()))
}

impl Following {
    pub fn of(body: Body) -> Self {
        Self { body: body.into_data_stream(), buffer: Vec::new(), comments: 0, retry: None }
    }

    /// The next event; `None` at the end of the answer.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(event) = self.event(std::str::from_utf8(&block)?)? {
                    return Ok(Some(event));
                }
                continue;
            }
            let more = timeout(PATIENCE, self.body.next()).await.context("a silence")?;
            let Some(more) = more else {
                ensure!(self.buffer.is_empty(), "an event was cut by the one who sends it");
                return Ok(None);
            };
            self.buffer.extend_from_slice(&more?);
        }
    }

    fn event(&mut self, block: &str) -> Result<Option<Event>> {
        let (mut id, mut kind, mut data) = (None, None, None);
        for line in block.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ").context("a field")? {
                ("", _) => self.comments += 1,
                ("id", text) => id = Some(text.to_owned()),
                ("event", text) => kind = Some(text.to_owned()),
                ("data", text) => data = Some(serde_json::from_str(text)?),
                ("retry", text) => self.retry = Some(text.parse()?),
                other => anyhow::bail!("{other:?}"),
            }
        }
        let Some(kind) = kind else { return Ok(None) };
        Ok(Some(Event { id, kind, data: data.context("data")? }))
    }
}

impl Heard {
    /// As a client that keeps to docs/streaming.md; what cannot be right is an error.
    pub fn hear(&mut self, event: &Event) -> Result<()> {
        if let Some(id) = &event.id {
            self.id = Some(id.clone());
        }
        let data = &event.data;
        let step = data["step_id"].as_str().unwrap_or_default().to_owned();
        let turn = (step, data["turn"].as_i64().unwrap_or_default());
        self.kinds.push(event.kind.clone());
        match event.kind.as_str() {
            "turn.began" => {
                let before = self.texts.insert(turn.clone(), String::new());
                ensure!(before.is_none(), "{turn:?} began twice");
            }
            "turn.text" => {
                let text = self.texts.get_mut(&turn).context("a piece before its turn began")?;
                let offset = data["offset"].as_u64().context("an offset")?;
                ensure!(
                    usize::try_from(offset)? == text.len(),
                    "{turn:?}: {offset}, {}",
                    text.len()
                );
                text.push_str(data["text"].as_str().context("a text")?);
                self.pieces += 1;
                self.first.entry(turn).or_insert_with(Instant::now);
            }
            "turn.reset" => {
                ensure!(self.texts.remove(&turn).is_some(), "{turn:?}: a reset of nothing");
                self.resets += 1;
            }
            "end" => self.over = true,
            "closed" => {}
            kind => {
                let sequence = data["sequence"].as_i64().context("a sequence")?;
                ensure!(data["kind"] == kind, "{kind}: {data}");
                let expected = self.events.last().map_or(sequence, |last| last + 1);
                ensure!(sequence == expected, "{sequence} after {:?}", self.events.last());
                self.events.push(sequence);
            }
        }
        Ok(())
    }

    /// Follows until the run is over, coming again as often as the answer ends.
    pub async fn to_the_end(&mut self, person: &Person<'_>, run: &str) -> Result<()> {
        while !self.over {
            let mut following = person.follow(run, self.id.as_deref()).await?;
            while let Some(event) = following.next().await? {
                self.hear(&event)?;
            }
        }
        Ok(())
    }

    /// Follows for so many events, and hangs up.
    pub async fn for_events(&mut self, person: &Person<'_>, run: &str, most: usize) -> Result<()> {
        let mut following = person.follow(run, self.id.as_deref()).await?;
        for _ in 0..most {
            match following.next().await? {
                Some(event) => self.hear(&event)?,
                None => break,
            }
        }
        Ok(())
    }
}
