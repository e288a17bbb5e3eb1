//! What a run is: as people see it, and as the tasks that drive it do.

use agents::model::Definition as Agent;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use workflows::model::Step;

use crate::queries::turns::Reservation;
use crate::waves;

/// A run's caps when nobody says otherwise.
pub const DEFAULT_TOKEN_CAP: i64 = 2_000_000;
/// Ten US dollars, in millionths.
pub const DEFAULT_MICROS_CAP: i64 = 10_000_000;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Run {
    pub id: Uuid,
    pub workflow_id: Uuid,
    /// Slug of the workflow.
    pub workflow: String,
    /// Pinned when the run started: later versions do not touch it.
    pub workflow_version: String,
    /// `queued`, `running`, `succeeded`, `failed`, `stopped` (by a cap on spending, or a switch) or
    /// `cancelled`.
    pub state: String,
    /// Why it failed or was stopped: `{ "name": …, "detail": … }`. Of a stop the name is
    /// `SpendCapReached`, `SpendHeld` (others under way held what was left) or `SpendStopped`.
    pub error: Option<Value>,
    pub language: Option<String>,
    /// Where it began, if it was forked.
    pub forked_from: Option<Fork>,
    pub spend: Spend,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// A place in another run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fork {
    pub run_id: Uuid,
    pub step_id: String,
    /// The last turn of the step that was kept; 0 when none was.
    pub turn: i32,
}

/// What a run has used and may use. Money is in millionths of a US dollar.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Spend {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_micros: i64,
    pub reserved_tokens: i64,
    pub reserved_micros: i64,
    pub token_cap: i64,
    pub micros_cap: i64,
}

/// A run with its brief and its steps.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunDetail {
    #[serde(flatten)]
    pub run: Run,
    pub brief: String,
    pub steps: Vec<StepView>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct StepView {
    pub id: String,
    pub title: String,
    /// `agent` or `room`.
    pub kind: String,
    /// `pending`, `scheduled`, `running`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    pub needs: Vec<String>,
    /// Who works on it, as pinned: `slug@version`.
    pub cast: Vec<String>,
    pub conversation_id: Uuid,
    pub document: Option<String>,
    pub turns: i32,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_micros: i64,
    pub error: Option<Value>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Something that happened in a run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Event {
    /// 1, 2, 3 … without gaps.
    pub sequence: i64,
    /// `run.queued`, `run.started`, `step.scheduled`, `turn.taken`, `room.waits` (a person is to
    /// name who speaks next), `step.succeeded`, `step.failed`, `run.succeeded`, `run.failed`,
    /// `run.stopped` or `run.cancelled`.
    pub kind: String,
    pub step_id: Option<String>,
    pub data: Value,
    pub at: Timestamp,
}

/// Which run a task is about: all that the state machine carries.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RunRef {
    pub tenant_id: Uuid,
    pub run_id: Uuid,
}

/// A step's material, pinned when the run starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PinnedStep {
    pub step: Step,
    /// The instructions of the workflow that the step names as its skill.
    pub skill: Option<String>,
    /// On whose account it works. Runs from before this was kept are looked up.
    #[serde(default)]
    pub started_by: Option<Uuid>,
}

/// An agent at the version it had when the run started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// As the workflow spells it.
    pub reference: String,
    pub agent_id: Uuid,
    pub version: String,
    pub definition: Agent,
}

/// What a worker needs to take one turn, and holds while it does.
#[derive(Debug)]
pub struct Claim {
    /// The number under which what it writes is accepted.
    pub fence: i64,
    pub reservation: Reservation,
    pub conversation_id: Uuid,
    pub pinned: PinnedStep,
    pub cast: Vec<Member>,
    pub brief: String,
    pub language: Option<String>,
    /// Documents of the steps this one needs.
    pub documents: Vec<Text>,
    /// What was said in this conversation so far; its length is the number of turns taken.
    pub transcript: Vec<Text>,
    /// All steps of the run, as they were when this one was claimed.
    pub steps: Vec<waves::Step>,
    /// Of a room: when it began, and who took each turn.
    pub history: Option<History>,
}

impl Claim {
    /// The number of the turn that is to be taken.
    pub fn turn(&self) -> i32 {
        i32::try_from(self.transcript.len() + 1).unwrap_or(i32::MAX)
    }
}

#[derive(Clone, Debug)]
pub struct History {
    pub began: Timestamp,
    /// The database's time of the claim: the only clock a room looks at.
    pub now: Timestamp,
    /// As long as the transcript.
    pub turns: Vec<Past>,
    /// Whom people named for the turn that is to be taken.
    pub named: Vec<Named>,
}

/// One turn of a room, but for its text.
#[derive(Clone, Debug, Deserialize)]
pub struct Past {
    pub agent_id: Uuid,
    pub tokens: u64,
    pub micros: i64,
    pub at: Timestamp,
    /// How its speaker was chosen.
    pub choice: Option<rooms::Chosen>,
    #[serde(default)]
    pub tools: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    pub path: String,
    pub member: String,
    pub by: Uuid,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Text {
    pub name: String,
    pub content: String,
}
