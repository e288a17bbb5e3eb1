//! Starting, following, stopping, explaining and paying for a run.

use serde_json::{Value, json};

use crate::answers::{RUN, TALK, event, message, run, turn};
use crate::server::Reply::{Cut, Json, Problem, Raw};
use crate::server::{Server, ok, page};
use crate::terminal::Terminal;

#[test]
fn a_run_is_started_with_what_was_said_and_followed_to_its_end() {
    let document = json!({ "document": "draft.md", "turns": 1 });
    let server = Server::start([
        Json(202, run("queued")),
        page(&[event(1, "run.queued", None, &json!({}))]),
        // Silence, a cut, and what was told already.
        page(&[]),
        Cut,
        page(&[
            event(1, "run.queued", None, &json!({})),
            event(2, "step.scheduled", Some("draft"), &json!({})),
            turn(5),
        ]),
        page(&[
            event(6, "step.succeeded", Some("draft"), &document),
            event(7, "run.succeeded", None, &json!({})),
        ]),
        ok(run("succeeded")),
    ]);
    let terminal = Terminal::at(&server);
    let brief = terminal.file("brief.md", "A shop\n");
    let args = ["run", "team@1.0.0", "--brief", &brief, "--follow", "--token-cap", "5000"];
    let said = terminal.run(&args);
    let lines: Vec<_> = said.good().lines().collect();
    assert_eq!(lines[0], format!("run {RUN} of team@1.0.0"));
    assert_eq!(lines[1], "    0.0 s  run queued");
    assert_eq!(lines[2], "    1.0 s  ▸ draft");
    assert!(
        lines[3].starts_with("    4.0 s  Mary · draft · round robin: turn 1 of 4 "),
        "{lines:?}"
    );
    assert!(lines[3].ends_with("812 → 240      $0.0012   2.9 s"), "{lines:?}");
    assert_eq!(lines[4], "    5.0 s  ✓ draft wrote draft.md");
    assert_eq!(lines[5], "    6.0 s  run succeeded");
    assert!(lines[6].starts_with("tokens 900 → 100, $1.234567"), "{lines:?}");
    let asked = server.asked();
    assert_eq!(
        asked[0].json(),
        json!({ "workflow": "team@1.0.0", "brief": "A shop\n", "token_cap": 5000 })
    );
    let events = |after: i64| format!("GET /v1/runs/{RUN}/events?after={after}&limit=100");
    let lines: Vec<_> = asked.iter().skip(1).map(|it| it.line.clone()).collect();
    let run = format!("GET /v1/runs/{RUN}");
    assert_eq!(lines, [events(0), events(1), events(1), events(1), events(5), run]);
}

/// Two who speak side by side, one of whom begins again; and a cut in the middle of an event.
const LIVE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    retry: 1000\n\n\
    id: 1\nevent: run.started\ndata: {\"sequence\":1,\"kind\":\"run.started\",\"step_id\":null,\
    \"data\":{},\"at\":\"2026-11-23T10:00:00Z\"}\n\n\
    id: 1-0.1.0.a\nevent: turn.began\ndata: {\"step_id\":\"draft\",\"turn\":1,\"speaker\":\"Mary\",\
    \"reason\":\"alone\"}\n\n\
    id: 1-0.1.4.b\nevent: turn.text\ndata: {\"step_id\":\"draft\",\"turn\":1,\"offset\":0,\
    \"text\":\"One \\u001b[2J\"}\n\n\
    id: 1-0.1.4.b-1.1.0.a\nevent: turn.began\ndata: {\"step_id\":\"plan\",\"turn\":1,\"speaker\":\"John\",\
    \"reason\":\"alone\"}\n\n\
    : still here\n\n\
    id: 1-0.1.4.b-1.1.5.c\nevent: turn.text\ndata: {\"step_id\":\"plan\",\"turn\":1,\"offset\":0,\
    \"text\":\"Other\"}\n\n\
    id: 9\nevent: turn.text\ndata: {\"step_id\":";
const LIVE_AGAIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    id: 1-1.1.5.c\nevent: turn.reset\ndata: {\"step_id\":\"draft\",\"turn\":1,\"why\":\"retried\"}\n\n\
    id: 2\nevent: run.succeeded\ndata: {\"sequence\":2,\"kind\":\"run.succeeded\",\"step_id\":null,\
    \"data\":{},\"at\":\"2026-11-23T10:00:02Z\"}\n\n\
    event: end\ndata: {\"state\":\"succeeded\"}\n\n";

#[test]
fn what_is_said_is_shown_while_it_is_said_and_a_cut_goes_on_where_it_was() {
    let server = Server::start([Raw(LIVE), Raw(LIVE_AGAIN), ok(run("succeeded"))]);
    let said = Terminal::at(&server).run(&["follow", RUN]);
    let out = said.good();
    let expected = "    0.0 s  run started\n  Mary · draft · alone\nOne \u{fffd}[2J\n… what was said here \
        does not count\n  John · plan · alone\nOther\n    2.0 s  run succeeded";
    assert!(out.starts_with(expected), "{out}");
    let asked = server.asked();
    assert_eq!(asked[0].header("last-event-id"), None);
    assert_eq!(asked[1].header("last-event-id"), Some("1-0.1.4.b-1.1.5.c"));

    let server = Server::start([Raw(LIVE), Raw(LIVE_AGAIN)]);
    let said = Terminal::at(&server).run(&["follow", RUN, "--json"]);
    let kinds = said.good().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let kinds: Vec<_> = kinds.map(|event| event["kind"].clone()).collect();
    assert_eq!(kinds, ["run.started", "run.succeeded"], "the record's events, as before");
}

#[test]
fn a_run_that_failed_is_shown_and_ends_with_one() {
    let why = json!({ "name": "ModelRefused", "detail": "no \u{1b}]0;such model" });
    let failed = event(2, "run.failed", Some("draft"), &why);
    let server = Server::start([page(std::slice::from_ref(&failed)), ok(run("failed"))]);
    let said = Terminal::at(&server).run(&["follow", RUN]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    assert!(said.out.contains("✗ failed at draft: no \u{fffd}]0;such model (ModelRefused)"));

    let server = Server::start([page(std::slice::from_ref(&failed))]);
    let said = Terminal::at(&server).run(&["follow", RUN, "--json"]);
    assert_eq!(said.code, 1);
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), failed, "as it came, one line");
    assert_eq!(said.out.lines().count(), 1);
}

#[test]
fn whoever_follows_survives_a_minute_in_which_the_api_is_away() {
    let end = event(1, "run.succeeded", None, &json!({}));
    let away = [(); 8].map(|()| Problem(503, "not now", Some(0)));
    let server = Server::start(away.into_iter().chain([page(&[end]), ok(run("succeeded"))]));
    let said = Terminal::at(&server).run(&["follow", RUN]);
    assert!(said.good().contains("run succeeded"), "{}", said.err);
}

#[test]
fn a_run_that_is_started_and_followed_is_json_line_by_line() {
    let end = event(1, "run.succeeded", None, &json!({}));
    let server = Server::start([Json(202, run("queued")), page(std::slice::from_ref(&end))]);
    let terminal = Terminal::at(&server);
    let brief = terminal.file("brief.md", "A shop");
    let said = terminal.run(&["run", "team", "--brief", &brief, "--follow", "--json"]);
    let lines: Vec<Value> =
        said.good().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [run("queued"), end]);
}

#[test]
fn a_run_is_stopped_once() {
    let server = Server::start([Json(202, run("cancelled"))]);
    let said = Terminal::at(&server).run(&["cancel", RUN]);
    assert_eq!(said.good(), format!("run {RUN} of team is cancelled\n"));
}

#[test]
fn explain_shows_every_layer_of_every_turns_prompt_and_what_was_left_out() {
    let server = Server::start([ok(run("succeeded")), page(&[message("Hello")])]);
    let said = Terminal::at(&server).run(&["explain", RUN]);
    let out = said.good();
    for part in [
        "draft · turn 1 · Mary@1.0.0",
        "why: the workflow gives step `draft` to writer",
        "m by openai: tokens 900 → 100 (estimated), unknown, 2500 ms, 2 calls",
        "brief  run         900     620        280",
        "task   step draft  12      12         0",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let messages = format!("GET /v1/conversations/{TALK}/messages?limit=100");
    assert_eq!(server.lines(), [format!("GET /v1/runs/{RUN}"), messages]);

    let server = Server::start([ok(run("succeeded")), page(&[message("Hello")])]);
    let said = Terminal::at(&server).run(&["explain", RUN, "--json", "--step", "draft"]).json();
    assert_eq!(said["items"][0]["step_id"], "draft");
    assert_eq!(said["items"][0]["context"][0]["included_tokens"], 620);

    let server = Server::start([ok(run("succeeded"))]);
    let said = Terminal::at(&server).run(&["explain", RUN, "--step", "talk"]);
    assert!(said.bad(1).contains("its steps are: draft"), "{}", said.err);
}

#[test]
fn spend_is_told_to_the_last_unit_for_a_run_and_for_the_newest() {
    let server = Server::start([ok(run("running"))]);
    let said = Terminal::at(&server).run(&["spend", RUN]);
    let total = "tokens 1000 of 2000000, 50 more reserved; $1.234567 of $10.00, $0.00001 more";
    assert!(said.good().contains(total), "{}", said.out);
    assert!(said.out.contains("2.5 s"), "how long a step took: {}", said.out);

    let first = ok(json!({ "items": [run("succeeded")], "next": "c 1" }));
    let server = Server::start([first, page(&[run("failed")])]);
    let said = Terminal::at(&server).run(&["spend", "--limit", "2"]);
    assert!(said.good().contains("together 2000 tokens, $2.469134 in 2 runs"), "{}", said.out);
    assert_eq!(server.lines(), ["GET /v1/runs?limit=2", "GET /v1/runs?limit=1&cursor=c+1"]);
}

#[test]
fn spend_by_account_shows_caps_and_a_switch_is_told() {
    let account = json!({
        "scope": "agent", "id": RUN, "name": "writer", "day": null,
        "caps": { "tokens": null, "micros": 2_000_000 }, "stopped": null,
        "used": { "tokens": 900, "micros": 1_234_567 }, "held": { "tokens": 50, "micros": 10 },
    });
    let server = Server::start([page(std::slice::from_ref(&account))]);
    let said = Terminal::at(&server).run(&["spend", "--by", "agent"]);
    let row = said.good().lines().find(|line| line.starts_with("writer")).unwrap_or_default();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells, ["writer", "900", "50", "-", "$1.234567", "$0.00001", "$2.00"], "{row}");
    assert_eq!(server.lines(), ["GET /v1/spend?scope=agent&limit=20"]);

    let mut off = account.clone();
    off["stopped"] = json!("it runs away");
    let server = Server::start([ok(off)]);
    let said = Terminal::at(&server).run(&["stop", "agent", RUN, "--reason", "it runs away"]);
    assert!(said.good().contains("is off: it runs away"), "{}", said.out);
    let sent: Value = serde_json::from_slice(&server.asked()[0].body).unwrap();
    assert_eq!(sent, json!({ "scope": "agent", "id": RUN, "off": "it runs away" }));
    assert_eq!(server.lines(), ["PUT /v1/spend/switch"]);
}

#[test]
fn a_run_that_was_stopped_is_told_apart_from_one_that_failed() {
    let why =
        json!({ "name": "SpendCapReached", "detail": "the day's cap of 5 tokens is reached" });
    let stopped = event(2, "run.stopped", Some("draft"), &why);
    let server = Server::start([page(std::slice::from_ref(&stopped)), ok(run("stopped"))]);
    let said = Terminal::at(&server).run(&["follow", RUN]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("✗ stopped at draft: the day's cap"), "{}", said.out);
}
