//! `cadre spend`: what runs used and may use, from `GET /v1/runs` and `GET /v1/runs/{id}`; by account
//! from `GET /v1/spend`.

use uuid::Uuid;

use crate::api::{ACCOUNTS, RUN, RUNS};
use crate::args::Scope;
use crate::client::Client;
use crate::failure::Result;
use crate::model::{Account, Run, StepView};
use crate::show::{json as show_json, line, money, table, time, took};

pub(crate) fn of_run(client: &Client, run: Uuid, json: bool) -> Result<()> {
    let answer = client.get(&RUN, Some(run), &[])?;
    if json {
        return show_json(&answer.raw);
    }
    let run = answer.value.run;
    let rows: Vec<_> = answer.value.steps.into_iter().map(step).collect();
    line(&format!("run {} of {}@{}: {}", run.id, run.workflow, run.workflow_version, run.state))?;
    table(["step", "state", "turns", "took", "tokens in", "out", "cost"], &rows)?;
    let spend = run.spend;
    let used = spend.input_tokens.saturating_add(spend.output_tokens);
    line(&format!(
        "tokens {used} of {}, {} more reserved; {} of {}, {} more reserved",
        spend.token_cap,
        spend.reserved_tokens,
        money(Some(spend.cost_micros)),
        money(Some(spend.micros_cap)),
        money(Some(spend.reserved_micros)),
    ))?;
    line("calls without a known price count as $0 here: `cadre explain` names them")
}

fn step(step: StepView) -> [String; 7] {
    [
        step.id,
        step.state,
        step.turns.to_string(),
        took(step.started_at, step.ended_at),
        step.input_tokens.to_string(),
        step.output_tokens.to_string(),
        money(Some(step.cost_micros)),
    ]
}

pub(crate) fn newest(client: &Client, most: usize, json: bool) -> Result<()> {
    let answer = client.list(&RUNS, None, &[], most)?;
    if json {
        return show_json(&answer.raw);
    }
    let sum = |of: fn(&Run) -> i64| answer.value.iter().map(of).fold(0, i64::saturating_add);
    let tokens = sum(|run| run.spend.input_tokens.saturating_add(run.spend.output_tokens));
    let cost = sum(|run| run.spend.cost_micros);
    let rows: Vec<_> = answer.value.iter().map(row).collect();
    table(["run", "workflow", "state", "begun", "tokens in", "out", "cost"], &rows)?;
    line(&format!("together {tokens} tokens, {} in {} runs", money(Some(cost)), rows.len()))
}

pub(crate) fn by(client: &Client, scope: Scope, most: usize, json: bool) -> Result<()> {
    let answer = client.list(&ACCOUNTS, None, &[("scope", scope.name())], most)?;
    if json {
        return show_json(&answer.raw);
    }
    let rows: Vec<_> = answer.value.into_iter().map(account).collect();
    let head = ["account", "tokens", "held", "cap", "spent", "held", "cap", "stopped"];
    table(head, &rows)
}

fn account(account: Account) -> [String; 8] {
    let id = account.id.map(|id| id.to_string());
    let name = account.name.filter(|_| account.scope != "run");
    let whose = name.or(account.day).or(id).unwrap_or(account.scope);
    let cap = account.caps;
    [
        whose,
        account.used.tokens.to_string(),
        account.held.tokens.to_string(),
        cap.tokens.map_or_else(|| "-".into(), |cap| cap.to_string()),
        money(Some(account.used.micros)),
        money(Some(account.held.micros)),
        cap.micros.map_or_else(|| "-".into(), |cap| money(Some(cap))),
        account.stopped.unwrap_or_default(),
    ]
}

fn row(run: &Run) -> [String; 7] {
    [
        run.id.to_string(),
        run.workflow.clone(),
        run.state.clone(),
        time(run.created_at),
        run.spend.input_tokens.to_string(),
        run.spend.output_tokens.to_string(),
        money(Some(run.spend.cost_micros)),
    ]
}
