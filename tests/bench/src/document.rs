//! The figures for people and for programs: `docs/benchmarks.md` and `docs/benchmarks.json`.

use std::fmt::Write;

use serde::Serialize;

use crate::cold::{self, budget};
use crate::figures::{Spread, show};
use crate::machine::Machine;
use crate::peers::{PEERS, Peer};
use crate::turn::{self, Goal};
use crate::verify;

#[derive(Serialize)]
pub(crate) struct Document {
    pub(crate) machine: Machine,
    pub(crate) cold_start: cold::Report,
    pub(crate) turn: turn::Report,
    pub(crate) verify: verify::Report,
    pub(crate) goals: Vec<Goal>,
    pub(crate) peers: [Peer; 5],
}

impl Document {
    pub(crate) fn new(
        machine: Machine,
        cold_start: cold::Report,
        turn: turn::Report,
        verify: verify::Report,
    ) -> Self {
        let mut goals = turn.goals();
        goals.extend(verify.goals());
        Self { machine, cold_start, turn, verify, goals, peers: PEERS }
    }

    pub(crate) fn markdown(&self) -> String {
        let Machine { command, .. } = &self.machine;
        [
            "# Benchmarks\n".to_owned(),
            format!("Written by `{command}`; do not edit.\n\n{}.\n", self.machine.line()),
            "Processor time hardly depends on who else is working, time on the clock does: compare \
             the first, and the second only where the load was low.\n"
                .to_owned(),
            cold_start(&self.cold_start),
            [turns(&self.turn), crowds(&self.turn)].join("\n"),
            verify(&self.verify),
            goals(&self.goals),
            peers(),
        ]
        .join("\n")
    }
}

pub(crate) fn cold_start(report: &cold::Report) -> String {
    let cold::Report { builder, sandboxes, warm_events, rows } = report;
    let rows: Vec<_> = rows.iter().map(|row| row.cells().to_vec()).collect();
    format!(
        "## Cold start\n\n\
         Each function as it is deployed (built by {builder}), in a fresh process, against a stand-in for \
         the Lambda Runtime API, with Postgres behind PgBouncer, real tokens and a scripted \
         model on loopback. Medians of {sandboxes} processes of 1 + {warm_events} events each; \
         memory is the most any of them held. `init` is `exec` to the first request for an \
         event; nothing is connected before the first event asks for it, so the second column \
         counts that event in.\n\n\
         {}\n\
         Budgets, of which `bench cold-start` fails when one is broken:\n\n```\n{}```\n",
        table(&cold::report::HEAD, &rows),
        budget::list(),
    )
}

pub(crate) fn turn(report: &turn::Report) -> String {
    [turns(report), crowds(report), goals(&report.goals())].join("\n")
}

pub(crate) fn verify(report: &verify::Report) -> String {
    let verify::Report { tokens, rows } = report;
    let rows = rows.iter().map(|row| {
        let figures = [row.cpu, row.p50, row.p99, row.most].map(show);
        [vec![row.what.to_owned()], figures.to_vec()].concat()
    });
    let head = ["what", "CPU µs", "p50 µs", "p99 µs", "most µs"];
    format!(
        "## What a caller's token costs\n\n\
         RS256 by a key of 2048 bits, with the issuer's keys at hand; {tokens} of each, one after \
         the other. How much memory it takes is a test (`shared/tests/allocations.rs`).\n\n{}",
        table(&head, &rows.collect::<Vec<_>>())
    )
}

fn turns(report: &turn::Report) -> String {
    let spread = |spread: Spread| spread.show();
    let rows = report.turns.iter().map(|row| {
        vec![
            row.what.clone(),
            row.door.clone(),
            format!("{} ms", row.model_ms),
            spread(row.cpu),
            show(row.postgres_cpu.median),
            show(row.pgbouncer_cpu.median),
            spread(row.wall),
            row.beyond_floor.map_or_else(|| "-".into(), show),
        ]
    });
    let head = [
        "what",
        "door",
        "model",
        "CPU ms",
        "Postgres CPU ms",
        "PgBouncer CPU ms",
        "wall ms",
        "wall beyond the floor",
    ];
    format!(
        "## What Cadre adds to a turn\n\n\
         One durable turn: the step is claimed, the prompt is built, the model is called, and \
         message, usage, document, events and totals are committed together. All figures are \
         for one turn; medians over rounds, with the least and the most. A whole run counts its \
         start, its plans and its end, spread over its turns. The model is another process, and \
         is counted nowhere. `in process` calls the handlers through the Invoke door of this \
         process, so its CPU holds the caller's too; `host, HTTP` is the shipped host, alone.\n\n{}",
        table(&head, &rows.collect::<Vec<_>>())
    )
}

fn crowds(report: &turn::Report) -> String {
    let rows = report.crowds.iter().map(|row| {
        let spread = |spread: Option<Spread>| spread.map_or_else(|| "-".into(), Spread::show);
        vec![
            row.door.clone(),
            row.runs_per_second.show(),
            spread(row.p50),
            spread(row.p99),
            show(row.cpu.median),
            show(row.postgres_cpu.median),
            show(row.pgbouncer_cpu.median),
        ]
    });
    let head = [
        "door",
        "runs/s",
        "p50 ms",
        "p99 ms",
        "CPU ms a turn",
        "Postgres CPU ms a turn",
        "PgBouncer CPU ms a turn",
    ];
    format!(
        "## Runs per second\n\n\
         Five agents, one after the other, {} runs side by side, a model that thinks for {} \
         ms. Each run is started through the API and driven as the state machine does. The \
         driver, the model, Postgres and its pooler share the cores. The floor does five times \
         one model call and one commit, and nothing else.\n\n{}",
        turn::AT_ONCE,
        crate::neighbours::THINKS.as_millis(),
        table(&head, &rows.collect::<Vec<_>>())
    )
}

fn goals(goals: &[Goal]) -> String {
    let rows = goals.iter().map(|goal| {
        let reached = if goal.holds { "yes" } else { "no" };
        vec![goal.what.to_owned(), goal.wanted.to_owned(), show(goal.is), reached.to_owned()]
    });
    let rows: Vec<_> = rows.collect();
    format!("## Goals\n\n{}", table(&["goal", "wanted", "is", "reached"], &rows))
}

fn peers() -> String {
    let rows = PEERS.iter().map(|peer| {
        let durable = if peer.durable { "yes" } else { "no" };
        let figures = [peer.cpu_ms, peer.wall_ms, peer.beyond_floor_ms(), peer.runs_per_second];
        let mut cells = vec![peer.name.to_owned(), durable.to_owned()];
        cells.extend(figures.map(show));
        cells
    });
    let head = ["peer", "durable", "CPU ms", "wall ms", "wall beyond the floor", "runs/s"];
    format!(
        "## Others\n\n\
         Not measured by this command: figures of our own run of 23 November 2026, on a quiet \
         machine of two cores. CPU and wall of one turn of a twelve-turn chat of four agents, with \
         a model that answers at once; runs per second of a chain of five agents, 200 side by side, \
         with a model that thinks for 20 ms. In the peers' own process, libraries behind a small \
         HTTP server for the last column.\n\n{}",
        table(&head, &rows.collect::<Vec<_>>())
    )
}

/// A table of Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}
