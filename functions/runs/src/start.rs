//! `POST /v1/runs`: start a run of a workflow over a brief.

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::db::Tx;
use shared::http::{Accepted, IdempotencyKey, Json};
use shared::{App, Caller, Error, Result, digest};
use uuid::Uuid;

use crate::dispatch::{self, Message};
use crate::model::{DEFAULT_MICROS_CAP, DEFAULT_TOKEN_CAP, RunDetail};
use crate::queries::lifecycle::{self, NewRun};
use crate::{pin, queries};

/// Longest brief, in bytes.
const LONGEST_BRIEF: usize = 256 * 1024;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// A published workflow: `slug`, or `slug@1.2.0`.
    workflow: String,
    /// What the team is to work on, as text or Markdown; at most 256 KiB.
    brief: String,
    /// BCP 47 tag of the language to write in; the brief's own when absent.
    language: Option<String>,
    /// Most tokens the run may use, prompts and answers together; 2,000,000 when absent.
    token_cap: Option<i64>,
    /// Most money the run may spend, in millionths of a US dollar; 10,000,000 when absent.
    micros_cap: Option<i64>,
}

impl RunRequest {
    fn check(&self) -> Result<()> {
        if self.brief.trim().is_empty() {
            return Err(Error::Invalid("brief is empty: say what the team is to work on".into()));
        }
        if self.brief.len() > LONGEST_BRIEF {
            let rule = format!("brief is over {LONGEST_BRIEF} bytes");
            return Err(Error::TooLarge(format!("{rule}: shorten it, or split it over runs")));
        }
        check_caps(self.token_cap, self.micros_cap)?;
        let tag = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match &self.language {
            Some(language)
                if language.is_empty() || language.len() > 35 || !language.chars().all(tag) =>
            {
                Err(Error::Invalid("language is a tag such as nl or en-GB".into()))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn check_caps(tokens: Option<i64>, micros: Option<i64>) -> Result<()> {
    if tokens.is_some_and(|cap| cap < 1) || micros.is_some_and(|cap| cap < 0) {
        return Err(Error::Invalid("token_cap must be at least 1, micros_cap at least 0".into()));
    }
    Ok(())
}

pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    Json(request): Json<RunRequest>,
) -> Result<Accepted<RunDetail>> {
    request.check()?;
    let id = Uuid::now_v7();
    let request_digest = digest::of(&request)?;
    let asked = (key.as_deref(), request_digest.as_str());
    once(app, &caller, asked, id, async |tx| {
        shared::audit::record(tx, &caller, "run.started", id).await?;
        let pinned = pin::pin(tx, &request.workflow, caller.user).await?;
        let new = NewRun {
            id,
            workflow: (pinned.workflow_id, &pinned.workflow_version),
            brief: &request.brief,
            language: request.language.as_deref(),
            token_cap: request.token_cap.unwrap_or(DEFAULT_TOKEN_CAP),
            micros_cap: request.micros_cap.unwrap_or(DEFAULT_MICROS_CAP),
            idempotency_key: key.as_deref(),
            request_digest: &request_digest,
        };
        let rows = pinned.steps.iter().enumerate();
        let rows: Vec<_> =
            rows.map(|(n, (step, cast))| lifecycle::step_row(n, step, cast)).collect();
        lifecycle::insert(tx, &caller, &new, Value::Array(rows)).await
    })
    .await
}

/// Puts a run on record and has it started: once for each `Idempotency-Key`, which comes with the
/// digest of what was asked.
pub(crate) async fn once(
    app: App,
    caller: &Caller,
    (key, request_digest): (Option<&str>, &str),
    id: Uuid,
    put: impl AsyncFnOnce(&Tx<'_>) -> Result<()>,
) -> Result<Accepted<RunDetail>> {
    let db = app.db()?;
    let put = db.tenant(caller.tenant, async |tx| {
        if let Some(key) = key
            && let Some((earlier, digest)) = queries::by_idempotency_key(tx, key).await?
        {
            replay(digest == request_digest)?;
            return queries::by_id(tx, earlier).await;
        }
        put(tx).await?;
        queries::by_id(tx, id).await
    });
    let run = match put.await {
        // Two requests with one key at the same time: the unique key let one through.
        Err(Error::Conflict(_)) if key.is_some() => {
            let key = key.unwrap_or_default();
            db.tenant(caller.tenant, async |tx| {
                let found = queries::by_idempotency_key(tx, key).await?;
                let (earlier, digest) = found.ok_or_else(lost)?;
                replay(digest == request_digest)?;
                queries::by_id(tx, earlier).await
            })
            .await?
        }
        other => other?,
    };
    let ours = run.run.id == id;
    if ours {
        let message = Message { id, topic: "run.start", run: id };
        dispatch::soon(app, caller.tenant, message).await;
    }
    Ok(Accepted { value: run, replayed: !ours })
}

fn replay(same: bool) -> Result<()> {
    if same {
        return Ok(());
    }
    Err(Error::Refused {
        code: "idempotency-key-reused",
        detail: "this Idempotency-Key came with another body before: use a new key".into(),
    })
}

fn lost() -> Error {
    Error::Unavailable(anyhow::anyhow!("the run of this key is not visible yet"))
}
