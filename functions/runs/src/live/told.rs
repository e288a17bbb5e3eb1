//! What readers are told: the events of the stream, and those of the record among them.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::model::Event;

/// An event of the record, with what its readers need to go on.
#[derive(Debug)]
pub struct Told {
    pub event: Event,
    /// The place of its step in the workflow.
    pub place: Option<i32>,
    /// Of a turn: its whole text.
    pub text: Option<String>,
}

/// One server-sent event: its `event`, and its `data` as JSON.
#[derive(JsonSchema)]
#[serde(tag = "event", content = "data")]
pub enum StreamEvent {
    /// A member begins to speak.
    #[serde(rename = "turn.began")]
    Began(TurnBegan<'static>),
    /// A piece of what they say.
    #[serde(rename = "turn.text")]
    Text(TurnText<'static>),
    /// What was sent of this turn does not count: forget it.
    #[serde(rename = "turn.reset")]
    Reset(TurnReset<'static>),
    /// An event of the record, under its own `kind`, as `GET /v1/runs/{id}/events` gives it.
    #[serde(rename = "{kind}")]
    Record(Event),
    /// The run is over and everything was sent: do not come again.
    #[serde(rename = "end")]
    End(StreamEnd<'static>),
    /// This answer is over and the run is not: come again with the last `id`.
    #[serde(rename = "closed")]
    Closed(StreamClosed),
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TurnBegan<'a> {
    pub step_id: &'a str,
    pub conversation_id: Uuid,
    /// 1, 2, 3 … in its conversation.
    pub turn: i32,
    pub speaker: &'a str,
    /// Why it is they who speak.
    pub reason: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TurnText<'a> {
    pub step_id: &'a str,
    pub turn: i32,
    /// Where in the text this piece begins, in bytes of UTF-8.
    pub offset: usize,
    pub text: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct TurnReset<'a> {
    pub step_id: &'a str,
    pub turn: i32,
    /// `retried`: it is taken anew, and begins again. `dropped`: the run ended before it was done.
    pub why: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamEnd<'a> {
    /// `succeeded`, `failed` or `cancelled`.
    pub state: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StreamClosed {
    /// `time`: come again. `expired`, `refused`: with another proof of who you are.
    pub why: String,
}
