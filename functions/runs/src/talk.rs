//! A room's turn: the past as the record has it, and who speaks next. [`rooms`] decides; this asks
//! the model where the room wants that.

use std::time::{Duration, Instant};

use rooms::model::Order;
use rooms::state::{About, Question, Wait};
use rooms::{Action, Answer, Answered, Choice, Event, Mark, Room, Said, State, decide};
use shared::Result;
use shared::llm::{Completion, Llm};
use uuid::Uuid;
use workflows::model::Step;

use crate::model::{Claim, History, Member, Past, Text};
use crate::purse::{self, Tab};
use crate::question::{
    LEDGER_QUESTION_TOKENS, LEDGER_TOKENS, NAME_TOKENS, QUESTION_TOKENS, question,
};

/// For all questions of a turn. Together with the turn's own call it stays within the lease.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a turn of this step may use beyond its own call.
pub fn asked_tokens(step: &Step) -> u32 {
    step.room.as_ref().map_or(0, most_asked)
}

/// A room within may ask in the same turn as the one around it.
fn most_asked(room: &Room) -> u32 {
    let own = match room.order {
        Order::Model { .. } => QUESTION_TOKENS + NAME_TOKENS,
        Order::Supervisor { .. } => LEDGER_QUESTION_TOKENS + LEDGER_TOKENS,
        _ => 0,
    };
    let nested = room.nested.iter().map(|nested| most_asked(&nested.room));
    let chats = room.chats.iter().map(|chat| most_asked(&chat.room));
    own + nested.chain(chats).max().unwrap_or_default()
}

pub enum Next {
    Speaks(Box<Choice>),
    /// A person is to name them. Nothing was asked before: see `workflows::graph`.
    Waits(Wait),
}

/// What it cost to ask, and who speaks; `None` when the room is done or is none. It fails when a
/// question may not be asked: spending is capped, or nobody can tell.
pub async fn choose(
    llm: &Llm,
    claim: &Claim,
    tab: &mut Tab<'_>,
) -> (Option<Completion>, Result<Option<Next>>) {
    let mut spent = None;
    let next = decided(llm, claim, tab, &mut spent).await;
    (spent, next)
}

async fn decided(
    llm: &Llm,
    claim: &Claim,
    tab: &mut Tab<'_>,
    spent: &mut Option<Completion>,
) -> Result<Option<Next>> {
    let Some((room, history)) = claim.pinned.step.room.as_ref().zip(claim.history.as_ref()) else {
        return Ok(None);
    };
    let mut state = state(room, claim.conversation_id, &claim.cast, &claim.transcript, history);
    let mut event = Event::Tick;
    let started = Instant::now();
    loop {
        event = match decide(&mut state, event, history.now) {
            Action::Speak(choice) => return Ok(Some(Next::Speaks(Box::new(choice)))),
            Action::Wait(wait) => return Ok(Some(Next::Waits(wait))),
            Action::Done => return Ok(None),
            Action::Ask(asked) => {
                // Whatever the model does, somebody speaks: the choice says what went wrong.
                let patience = PATIENCE.saturating_sub(started.elapsed());
                let answer = match patience {
                    Duration::ZERO => None,
                    patience => ask(llm, (claim, &asked), patience, (tab, spent)).await?,
                };
                let answered = Answer::model(answer.as_deref());
                Event::Answered(Answered { path: asked.path, answer: answered })
            }
        }
    }
}

/// On the account of who leads, if somebody does, and else of no agent: nobody speaks yet.
async fn ask(
    llm: &Llm,
    (claim, asked): (&Claim, &Question),
    patience: Duration,
    (tab, spent): (&mut Tab<'_>, &mut Option<Completion>),
) -> Result<Option<String>> {
    let (leads, (input, output)) = match &asked.about {
        About::Speaker { .. } => (None, (QUESTION_TOKENS, NAME_TOKENS)),
        About::Ledger { supervisor, .. } => {
            (Some(supervisor), (LEDGER_QUESTION_TOKENS, LEDGER_TOKENS))
        }
    };
    let mut members = claim.cast.iter();
    let agent = leads.and_then(|name| Some(members.find(|m| m.reference == *name)?.agent_id));
    tab.begin(agent, purse::most(llm, input, output)).await?;
    let answer = llm
        .complete_paid_once(&question(claim, asked, llm.context_tokens(), patience), &|_, _| {})
        .await;
    let (text, used) = match answer {
        Ok(answer) => (Some(answer.text.clone()), Some(answer)),
        Err(error) if purse::may_cost(&error) => (None, Some(purse::unknown(llm, input, output))),
        Err(_) => (None, None),
    };
    *spent = match spent.take() {
        Some(before) => Some(before.with(used.as_ref())),
        None => used,
    };
    tab.settle(agent, purse::total(spent.as_ref()));
    Ok(text)
}

/// A room as it stands on record. Chance comes from the conversation's id: a retry draws the same.
pub(crate) fn state<'a>(
    room: &'a Room,
    conversation: Uuid,
    cast: &[Member],
    transcript: &[Text],
    history: &History,
) -> State<'a> {
    let said = history.turns.iter().zip(transcript);
    let said = said.map(|(past, text)| {
        let (member, mark) = mark(cast, past);
        Said {
            member,
            text: text.content.clone(),
            tools: past.tools.clone(),
            tokens: past.tokens,
            micros: past.micros,
            at: past.at,
            mark,
        }
    });
    let (high, low) = conversation.as_u64_pair();
    let mut state = State::new(room, high ^ low.rotate_left(29), history.began);
    let name = |member: &Member| (member.reference.clone(), member.definition.name.clone());
    state.names = cast.iter().map(name).collect();
    state.said = said.collect();
    let named = history.named.iter().map(|named| Answered {
        path: named.path.clone(),
        answer: Answer::Person { member: named.member.clone(), by: named.by.to_string() },
    });
    state.answers = named.collect();
    state
}

/// Turns from before choices were kept are those of a room without rooms within.
fn mark(cast: &[Member], past: &Past) -> (String, Mark) {
    if let Some(kept) = &past.choice {
        return (kept.member.clone(), kept.mark.clone());
    }
    let member = cast.iter().find(|member| member.agent_id == past.agent_id);
    let member = member.map(|member| member.reference.clone()).unwrap_or_default();
    let (path, answers) = (String::new(), Vec::new());
    (member, Mark { path, closing: false, answers, decided_at: past.at })
}
