//! Counts afterwards: was anything lost, doubled, or left behind? Each rule is a statement that
//! finds what breaks it, so a rule that holds finds nothing.

use std::fmt::Write;

use anyhow::{Result, ensure};
use shared::App;
use uuid::Uuid;

/// A sentence, and the statement that finds its exceptions.
struct Rule(&'static str, &'static str);

/// At any moment, also in the middle of a run.
const ALWAYS: &[Rule] = &[
    Rule(
        "what a run has reserved is what its steps have reserved",
        "select r.id || ': ' || r.reserved_tokens || ' and ' || r.reserved_micros
         from runs r, lateral (select coalesce(sum(s.reserved_tokens), 0) as tokens,
                                      coalesce(sum(s.reserved_micros), 0) as micros
                               from steps s where s.run_id = r.id) s
         where (r.reserved_tokens, r.reserved_micros) is distinct from (s.tokens, s.micros)",
    ),
    Rule(
        "a run's totals are the sum of its calls, the wasted ones included",
        "select r.id || ': ' || r.input_tokens || ' and ' || r.output_tokens
         from runs r, lateral (select coalesce(sum(u.input_tokens), 0) as input,
                                      coalesce(sum(u.output_tokens), 0) as output,
                                      coalesce(sum(u.cost_micros), 0) as cost
                               from usage u where u.run_id = r.id) u
         where (r.input_tokens, r.output_tokens, r.cost_micros)
               is distinct from (u.input, u.output, u.cost)",
    ),
    Rule(
        "a step's totals are the sum of the turns it took",
        "select s.run_id || ' ' || s.id
         from steps s, lateral (select coalesce(sum(u.input_tokens), 0) as input,
                                       coalesce(sum(u.output_tokens), 0) as output,
                                       coalesce(sum(u.cost_micros), 0) as cost
                                from usage u
                                where u.run_id = s.run_id and u.step_id = s.id and not u.wasted) u
         where (s.input_tokens, s.output_tokens, s.cost_micros)
               is distinct from (u.input, u.output, u.cost)",
    ),
    Rule(
        "the messages of a conversation are numbered from 1, without gaps, one for each turn",
        "select c.run_id || ' ' || c.step_id
         from conversations c
         join steps s on s.run_id = c.run_id and s.id = c.step_id,
         lateral (select count(*) as n, coalesce(max(m.sequence), 0) as last
                  from messages m where m.conversation_id = c.id) m
         where m.n <> s.turns or m.last <> s.turns",
    ),
    Rule(
        "each message has one call that was not wasted, and each such call a message",
        "select coalesce(m.run_id, u.run_id) || ' ' || coalesce(m.step_id, u.step_id)
         from messages m
         full join (select * from usage where not wasted) u
           on u.run_id = m.run_id and u.step_id = m.step_id and u.turn = m.sequence
         group by coalesce(m.run_id, u.run_id), coalesce(m.step_id, u.step_id),
                  coalesce(m.sequence, u.turn)
         having count(m.sequence) <> 1 or count(u.turn) <> 1",
    ),
    Rule(
        "the events of a run are numbered from 1, without gaps, up to its last",
        "select r.id || ': ' || e.n || ' events up to ' || e.last || ', told ' || r.last_event
         from runs r, lateral (select count(*) as n, max(sequence) as last
                               from run_events e where e.run_id = r.id) e
         where (e.n, e.last) is distinct from (r.last_event, r.last_event)",
    ),
    Rule(
        "each turn is told once",
        "select coalesce(m.run_id, e.run_id) || ' ' || coalesce(m.step_id, e.step_id)
         from messages m
         full join (select * from run_events where kind = 'turn.taken') e
           on e.run_id = m.run_id and e.step_id = m.step_id
              and (e.data->>'turn')::int = m.sequence
         group by coalesce(m.run_id, e.run_id), coalesce(m.step_id, e.step_id),
                  coalesce(m.sequence, (e.data->>'turn')::int)
         having count(m.sequence) <> 1 or count(e.sequence) <> 1",
    ),
    Rule(
        "every other thing is told once at most",
        "select run_id || ' ' || kind || coalesce(' ' || step_id, '')
         from run_events where kind <> 'turn.taken'
         group by run_id, kind, step_id
         having count(*) > 1",
    ),
    Rule(
        "a step that succeeded is told, with its document on record if it writes one, and no other is",
        "select s.run_id || ' ' || s.id
         from steps s, lateral (
            select count(*) as told from run_events e
            where e.run_id = s.run_id and e.step_id = s.id and e.kind = 'step.succeeded') e,
         lateral (
            select count(*) as written from documents d
            where d.run_id = s.run_id and d.step_id = s.id) d
         where e.told <> (s.state = 'succeeded')::int
            or d.written <> (s.state = 'succeeded' and s.definition->'step' ? 'document')::int",
    ),
    Rule(
        "each run has one message that starts it",
        "select r.id::text from runs r
         where 1 <> (select count(*) from outbox o
                     where o.subject = r.id and o.topic = 'run.start')",
    ),
];

/// Once every run has ended, however it did.
const ENDED: &[Rule] = &[
    Rule("no run is under way", "select id || ' ' || state from runs where ended_at is null"),
    Rule(
        "an ended run tells its end, and only that one",
        "select r.id || ' ' || r.state from runs r
         where (select array_agg(e.kind) from run_events e
                where e.run_id = r.id and e.kind in
                      ('run.succeeded', 'run.failed', 'run.stopped', 'run.cancelled'))
               is distinct from array['run.' || r.state]",
    ),
    Rule(
        "nothing stays reserved",
        "select r.id || ' ' || s.id from runs r join steps s on s.run_id = r.id
         where r.reserved_tokens <> 0 or r.reserved_micros <> 0
            or s.reserved_tokens <> 0 or s.reserved_micros <> 0",
    ),
    Rule(
        "no lease is left, and no step is open",
        "select run_id || ' ' || id || ' ' || state from steps
         where lease_until is not null
            or state not in ('succeeded', 'failed', 'cancelled')",
    ),
];

const SUCCEEDED: &[Rule] = &[
    Rule(
        "every run succeeded, with every step",
        "select r.id || ' ' || r.state || coalesce(' ' || r.error::text, '')
         from runs r join steps s on s.run_id = r.id
         where r.state <> 'succeeded' or s.state <> 'succeeded'",
    ),
    Rule(
        "every step took its turns: one alone, a room one for each planned and one to close",
        "select run_id || ' ' || id || ': ' || turns from steps
         where turns <> coalesce((definition->'step'->'room'->>'turns')::int + 1, 1)",
    ),
    Rule(
        "every step was scheduled, and every run started",
        "select r.id::text from runs r
         where (select count(*) from run_events e
                where e.run_id = r.id and e.kind in ('run.queued', 'run.started')) <> 2
            or (select count(*) from run_events e
                where e.run_id = r.id and e.kind = 'step.scheduled')
               <> (select count(*) from steps s where s.run_id = r.id)",
    ),
];

/// Holds at any moment.
pub async fn ledger(app: App, tenant: Uuid) -> Result<()> {
    check(app, tenant, &[ALWAYS]).await
}

/// Holds once every run of the tenant has ended.
pub async fn ended(app: App, tenant: Uuid) -> Result<()> {
    check(app, tenant, &[ALWAYS, ENDED]).await
}

/// Holds once every run of the tenant has succeeded: how many there are.
pub async fn succeeded(app: App, tenant: Uuid) -> Result<i64> {
    check(app, tenant, &[ALWAYS, ENDED, SUCCEEDED]).await?;
    let count = "-- check::runs
        select count(*) as n from runs";
    let row = app.db()?.tenant(tenant, async |tx| tx.one(count, &[]).await).await?;
    Ok(row.try_get("n")?)
}

/// All rules in one statement, so that all look at the same moment.
async fn check(app: App, tenant: Uuid, rules: &[&[Rule]]) -> Result<()> {
    let mut sql = String::from("-- check::rules\n");
    for (at, Rule(_, exceptions)) in rules.iter().copied().flatten().enumerate() {
        let or = if at == 0 { "" } else { "\nunion all\n" };
        write!(sql, "{or}select {at} as rule, x as exception from ({exceptions}) t(x)")?;
    }
    let rows = app.db()?.tenant(tenant, async |tx| tx.all(&sql, &[]).await).await?;
    let mut broken = String::new();
    for row in &rows {
        let at = usize::try_from(row.try_get::<_, i32>("rule")?)?;
        let exception: String = row.try_get("exception")?;
        let rule = rules.iter().copied().flatten().nth(at).map(|Rule(sentence, _)| *sentence);
        writeln!(broken, "  broken: {}: {exception}", rule.unwrap_or_default())?;
    }
    ensure!(broken.is_empty(), "{} exceptions\n{broken}", rows.len());
    Ok(())
}
