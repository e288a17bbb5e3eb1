//! One turn: claim the step, call the model, put the answer on record. What [`crate::step`] and
//! [`crate::room`] repeat.

use std::fmt::Write;
use std::time::Duration;

use rooms::state::Wait;
use serde::Deserialize;
use shared::db::{Db, Tx};
use shared::llm::{Completion, Llm, Prompt, price};
use shared::{App, Error, Result};
use uuid::Uuid;
use workflows::model::Kind;

use crate::live::entry::Began;
use crate::live::teller::Teller;
use crate::model::{Claim, RunRef};
use crate::plan::{Plan, Planned};
use crate::prompt::{self, Turn};
use crate::purse::{self, Purse};
use crate::queries::turns::{self, Rates, Taken};
use crate::talk::{self, Next};

/// Answer length when the step does not say.
pub const ANSWER_TOKENS: u32 = 512;
/// One call's time, retries included; the function's own timeout is longer.
const DEADLINE: Duration = Duration::from_mins(2);
/// A worker that is silent for this long is taken for dead. Longer than a call can last.
const LEASE_SECONDS: f64 = 150.0;
const TEMPERATURE: f32 = 0.4;
/// Between two looks whether a person has named the next speaker, in seconds.
const SHORTEST_PAUSE: u64 = 2;
const LONGEST_PAUSE: u64 = 60;
/// Pauses between tries of the record when the database does not answer: the answer is paid for.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];

/// What the state machine hands to a worker.
#[derive(Clone, Debug, Deserialize)]
pub struct Work {
    #[serde(flatten)]
    pub run: RunRef,
    pub step_id: String,
    /// How often the state machine has tried before: a higher one takes the lease over at once,
    /// because the state machine only tries again when the worker before is gone.
    #[serde(default)]
    pub attempt: i32,
}

#[derive(Debug)]
pub enum Outcome {
    /// On record, and more turns are to come.
    More,
    /// The step is done: by this turn, or before it. With what comes next, if no other step is
    /// under way and this turn could tell.
    Done(Option<Plan>),
    /// A person is to name who speaks next: look again after so many seconds.
    Waits(u64),
}

/// `purse` is the worker's, for all of its turns.
pub async fn take(app: App, purse: &mut Purse, work: &Work, kind: Kind) -> Result<Outcome> {
    let llm = app.llm()?;
    let rates = rates(llm);
    let place = (work.run.run_id, work.step_id.as_str());
    let db = app.db()?;
    let Some(claim) = turns::claim(db, work, kind, LEASE_SECONDS, rates).await? else {
        let why = async |tx: &Tx<'_>| turns::why_not(tx, place, work.attempt, rates).await;
        return db.tenant(work.run.tenant_id, why).await.map(|()| Outcome::Done(None));
    };
    let mut tab = match purse.tab(app, (work, kind), &claim).await {
        Ok(tab) => tab,
        Err(error) => return given_up(db, purse, (work, &claim), None, error).await,
    };
    let (turn, asked) = match kind {
        Kind::Room => match talk::choose(llm, &claim, &mut tab).await {
            (asked, Ok(Some(Next::Speaks(choice)))) => (prompt::in_room(&claim, *choice), asked),
            (_, Ok(Some(Next::Waits(wait)))) => return wait_for(db, work, &claim, &wait).await,
            (_, Ok(None)) => (None, None),
            (asked, Err(error)) => {
                return given_up(db, purse, (work, &claim), asked.as_ref(), error).await;
            }
        },
        _ => (prompt::alone(&claim), None),
    };
    let Some(turn) = turn else {
        let no_turn = anyhow::anyhow!("step {} has no turn left and is not done", work.step_id);
        return Err(Error::Internal(no_turn));
    };
    let speaks = (work.run.run_id, claim.conversation_id, turn.speaker.agent_id);
    let about = format!("{}\n{}", turn.task, claim.brief);
    let answer = claim.pinned.step.max_output_tokens.unwrap_or(ANSWER_TOKENS);
    let answer = answer.min(llm.context_tokens() / 2);
    let agent = Some(turn.speaker.agent_id);
    // Beside what is read anyway, so that to be allowed to costs the turn no wait of its own.
    let (told, begun) = tokio::join!(
        context::read::of_turn(db, work.run.tenant_id, speaks, &about),
        tab.begin(agent, purse::most(llm, llm.context_tokens(), answer)),
    );
    let told = match begun.and(told) {
        Ok(told) => told,
        Err(error) => {
            // Nothing was called; if it had not begun, there is nothing to settle.
            tab.settle(agent, purse::total(asked.as_ref()));
            return given_up(db, purse, (work, &claim), asked.as_ref(), error).await;
        }
    };
    let (messages, layers) = prompt::build(&claim, &turn, &told, llm.context_tokens(), answer);
    let seed = Some(seed(&claim, work.attempt));
    let prompt =
        Prompt { messages, max_tokens: answer, temperature: TEMPERATURE, seed, deadline: DEADLINE };
    let teller = Teller::new(app, work, began(&claim, &turn));
    let (completion, failed) = match Box::pin(teller.complete(llm, &prompt)).await {
        Ok(completion) => {
            let failed = empty(&completion);
            (Some(completion.with(asked.as_ref())), failed)
        }
        Err(error) if purse::may_cost(&error) => {
            let unknown = purse::unknown(llm, llm.context_tokens(), answer);
            (Some(unknown.with(asked.as_ref())), Some(error))
        }
        Err(error) => (asked, Some(error)),
    };
    tab.settle(agent, purse::total(completion.as_ref()));
    let completion = match (completion, failed) {
        (Some(completion), None) => completion,
        (spent, failed) => {
            let no_answer = || Error::Internal(anyhow::anyhow!("a call without an outcome"));
            let error = failed.unwrap_or_else(no_answer);
            return given_up(db, purse, (work, &claim), spent.as_ref(), error).await;
        }
    };
    let context = serde_json::to_value(layers).map_err(|e| Error::Internal(e.into()))?;
    let settled = Box::pin(settle(app, work, &claim, &turn, &completion, context));
    let (outcome, ()) = tokio::join!(settled, teller.recording());
    if matches!(outcome, Ok(_) | Err(Error::RunStopped(_))) {
        purse.billed();
    }
    outcome
}

/// The turn is not taken: lease and reservation go back, and what was spent on it is on the bill.
async fn given_up(
    db: &Db,
    purse: &mut Purse,
    (work, claim): (&Work, &Claim),
    spent: Option<&Completion>,
    error: Error,
) -> Result<Outcome> {
    let place = (work.run.run_id, work.step_id.as_str());
    db.tenant_relaxed(work.run.tenant_id, async |tx| {
        if let Some(spent) = spent {
            turns::wasted(tx, place, (claim.turn(), claim.fence), spent).await?;
        }
        turns::release(tx, place, claim.fence, claim.reservation).await
    })
    .await?;
    purse.billed();
    Err(error)
}

/// For those who follow: who speaks, and why.
fn began(claim: &Claim, turn: &Turn<'_>) -> Began {
    Began {
        turn: claim.turn(),
        fence: claim.fence,
        conversation_id: claim.conversation_id,
        speaker: turn.speaker.definition.name.clone(),
        reason: turn.reason.clone(),
    }
}

/// Soon at first, then less and less often: a person who takes their time costs little.
async fn wait_for(db: &Db, work: &Work, claim: &Claim, wait: &Wait) -> Result<Outcome> {
    let Some(waited) = turns::wait(db, work, claim, wait).await? else {
        return Err(Error::RunStopped("the turn was no longer this worker's to wait for".into()));
    };
    let waited = Duration::try_from_secs_f64(waited.max(0.0)).unwrap_or_default();
    Ok(Outcome::Waits((waited.as_secs() / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)))
}

async fn settle(
    app: App,
    work: &Work,
    claim: &Claim,
    turn: &Turn<'_>,
    completion: &Completion,
    context: serde_json::Value,
) -> Result<Outcome> {
    let steps = claim.steps.clone();
    let planned = turn.last.then(|| Planned::after(&work.step_id, steps)).flatten();
    let (then, next) = planned.map(|planned| (planned.plan, planned.pending)).unzip();
    let document = document(claim, turn, completion);
    let taken = Taken {
        run: work.run.run_id,
        step: &work.step_id,
        fence: claim.fence,
        turn: claim.turn(),
        conversation: claim.conversation_id,
        agent: (turn.speaker.agent_id, &turn.speaker.version),
        speaker: &turn.speaker.definition.name,
        reason: &turn.reason,
        completion,
        cost_micros: turns::cost_micros(completion),
        reservation: claim.reservation,
        context,
        last: turn.last,
        document: document.as_ref().map(|(name, content)| (*name, content.as_str())),
        selection: turn.selection.as_ref(),
        next: next.as_deref().unwrap_or_default(),
    };
    let db = app.db()?;
    let tenant = work.run.tenant_id;
    let mut recorded = record(db, tenant, &taken).await;
    for pause in AGAIN {
        if !matches!(recorded, Err(Error::Unavailable(_))) {
            break;
        }
        tokio::time::sleep(pause).await;
        recorded = record(db, tenant, &taken).await;
    }
    if let Err(Error::RunStopped(_)) = recorded {
        let before = db.tenant(tenant, async |tx| {
            let recorded = turns::is_recorded(tx, &taken).await?;
            if !recorded {
                let turn = (taken.turn, taken.fence);
                turns::wasted(tx, (taken.run, taken.step), turn, completion).await?;
            }
            Ok(recorded)
        });
        // A try whose answer got lost may have gone through.
        if before.await? {
            recorded = Ok(());
        }
    }
    recorded.map(|()| if turn.last { Outcome::Done(then) } else { Outcome::More })
}

async fn record(db: &Db, tenant: Uuid, taken: &Taken<'_>) -> Result<()> {
    if turns::record(db, tenant, taken).await? {
        return Ok(());
    }
    Err(Error::RunStopped("the turn was no longer this worker's to write".into()))
}

/// A room's document is its closing turn, followed by what was said.
fn document<'a>(
    claim: &'a Claim,
    turn: &Turn<'_>,
    completion: &Completion,
) -> Option<(&'a str, String)> {
    let name = claim.pinned.step.document.as_deref().filter(|_| turn.last)?;
    let mut content = completion.text.trim().to_owned();
    if claim.pinned.step.room.is_some() {
        content.push_str("\n\n## What was said\n");
        for said in &claim.transcript {
            // Writing to a String cannot fail.
            let _ = writeln!(content, "\n**{}**: {}", said.name, said.content.trim());
        }
        if let Some(rooms::Task::Close { dissent, .. }) = turn.selection.as_ref().map(|c| &c.task)
            && !dissent.is_empty()
        {
            let _ = writeln!(content, "\n## Held against it\n\n- {}", dissent.join("\n- "));
        }
    }
    Some((name, content))
}

fn empty(completion: &Completion) -> Option<Error> {
    let empty = completion.text.trim().is_empty();
    empty.then(|| Error::ModelRefused(format!("{} answered with nothing", completion.model)))
}

/// The most one call can use. Without a known price only tokens can be capped.
fn rates(llm: &Llm) -> Rates {
    let price = price(llm.provider(), llm.model());
    Rates {
        context_tokens: llm.context_tokens().into(),
        context_micros: price.map_or(0, |price| price.cost(llm.context_tokens(), 0)),
        answer_rate: price.map_or(0, |price| price.output),
    }
}

/// The same turn of the same run draws the same numbers; another attempt draws others.
fn seed(claim: &Claim, attempt: i32) -> u64 {
    let (high, low) = claim.conversation_id.as_u64_pair();
    let turn = u64::try_from(claim.transcript.len()).unwrap_or_default();
    high ^ low.rotate_left(17)
        ^ turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ u64::from(attempt.unsigned_abs())
}
