//! What goes wrong: refusals, waits, cut connections, garbage. The person is told what to do next.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::answers::{RUN, run, who};
use crate::server::Reply::{Cut, Half, Json, Problem, Raw};
use crate::server::{Server, ok, page};
use crate::terminal::{TOKEN, Terminal};

#[test]
fn a_problem_is_told_in_its_own_words_with_what_to_do_next() {
    for (status, next) in [
        (401, "cadre login"),
        (403, "cadre whoami"),
        (404, "name or id"),
        (422, "change what the sentence names"),
        (500, "in a moment"),
    ] {
        let server = Server::start([Problem(status, "the brief is not there", None)]);
        let said = Terminal::at(&server).run(&["whoami"]);
        let err = said.bad(1);
        assert!(err.starts_with("cadre: the brief is not there\n"), "{err}");
        assert!(err.contains(&format!("urn:cadre:problem:status-{status}")), "{err}");
        assert!(err.contains("next: ") && err.contains(next), "{status}: {err}");
        assert_eq!(server.lines().len(), 1, "{status} does not get better by asking again");
    }
}

#[test]
fn a_problem_as_json_keeps_its_type_and_says_what_is_next() {
    let server = Server::start([Problem(404, "nothing here", None)]);
    let said = Terminal::at(&server).run(&["follow", RUN, "--json"]);
    let error: Value = serde_json::from_str(said.bad(1)).unwrap();
    assert_eq!(error["type"], "urn:cadre:problem:status-404");
    assert_eq!((&error["status"], &error["detail"]), (&json!(404), &json!("nothing here")));
    assert!(error["next"].as_str().unwrap().contains("name or id"));
}

#[test]
fn a_question_is_asked_again_after_the_time_that_it_is_told_to_wait() {
    let server = Server::start([Problem(429, "too many", Some(1)), ok(who())]);
    let since = Instant::now();
    let said = Terminal::at(&server).run(&["whoami"]);
    assert!(said.good().contains("ada@example.test"));
    assert!(since.elapsed() >= Duration::from_secs(1), "it did not wait");
    assert!(said.err.contains("429") && said.err.contains("1.0 s"), "{}", said.err);
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn nobody_is_kept_waiting_longer_than_they_would_guess() {
    let server = Server::start([Problem(429, "too many", Some(3600))]);
    let said = Terminal::at(&server).run(&["whoami"]);
    assert!(said.bad(1).contains("wait 3600 s"), "{}", said.err);
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn trying_again_has_an_end() {
    let server = Server::start([(); 9].map(|()| Problem(503, "not now", None)));
    assert!(Terminal::at(&server).run(&["whoami"]).bad(1).contains("not now"));
    assert_eq!(server.lines().len(), 4);
}

#[test]
fn a_cut_connection_is_tried_again_where_that_is_safe() {
    let server = Server::start([Cut, Half, ok(who())]);
    Terminal::at(&server).run(&["whoami"]).good();
    assert_eq!(server.lines().len(), 3);

    let brief = "A shop";
    let server = Server::start([Cut, Problem(503, "not now", Some(0)), Json(202, run("queued"))]);
    let terminal = Terminal::at(&server);
    let brief = terminal.file("brief.md", brief);
    terminal.run(&["run", "team", "--brief", &brief]).good();
    let keys: Vec<_> =
        server.asked().iter().map(|it| it.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0].len() >= 32 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn what_may_have_been_done_already_is_never_tried_again() {
    for reply in [Cut, Half, Problem(503, "not now", Some(0))] {
        let server = Server::start([reply, Json(202, run("cancelled"))]);
        let terminal = Terminal::at(&server);
        terminal.run(&["cancel", RUN]).bad(1);
        assert_eq!(server.lines(), [format!("POST /v1/runs/{RUN}/cancel")]);
    }
    let server = Server::start([Cut]);
    let terminal = Terminal::at(&server);
    let file = terminal.file("a.zip", "zip");
    let said = terminal.run(&["import", &file]);
    assert!(said.bad(1).contains("may have been done"), "{}", said.err);
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn a_start_that_was_cut_off_can_be_repeated_with_its_key() {
    let server = Server::start([Cut, Cut, Cut, Cut, Json(202, json!({ "id": RUN }))]);
    let terminal = Terminal::at(&server);
    let brief = terminal.file("brief.md", "A shop");
    let said = terminal.run(&["run", "team", "--brief", &brief]);
    let key = said.bad(1).split("--key ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    // An answer that was too large to keep comes back as its id alone.
    assert!(terminal.run(&["run", "team", "--brief", &brief, "--key", &key]).good().contains(RUN));
    let keys: Vec<_> =
        server.asked().iter().map(|it| it.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys, [(); 5].map(|()| key.clone()));
}

#[test]
fn garbage_is_no_answer_and_is_not_repeated() {
    let html = "HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n<html>\x1b[2JHello</html>";
    let server = Server::start([Raw(html)]);
    let said = Terminal::at(&server).run(&["whoami"]);
    assert!(said.bad(1).contains("did not answer with JSON"), "{}", said.err);
    assert!(said.err.contains("--api") && !said.err.contains('\x1b') && !said.err.contains("html"));

    let server = Server::start([page(&[json!({ "slug": 7 })])]);
    let said = Terminal::at(&server).run(&["agents"]);
    assert!(said.bad(1).contains("items[0].slug"), "{}", said.err);
}

#[test]
fn a_token_does_not_follow_a_redirect_and_does_not_come_back_onto_the_screen() {
    let elsewhere = Server::start([ok(who())]);
    let server = Server::with(|_| {
        let head =
            format!("HTTP/1.1 307 X\r\nLocation: {}\r\nContent-Length: 0\r\n", elsewhere.url);
        vec![Raw(Box::leak(format!("{head}Connection: close\r\n\r\n").into_boxed_str()))]
    });
    assert!(Terminal::at(&server).run(&["whoami"]).bad(1).contains("points elsewhere"));
    assert_eq!(elsewhere.lines().len(), 0);

    // `Terminal` looks for the token in all that is printed.
    for format in [["whoami"].as_slice(), &["whoami", "--json"]] {
        let server = Server::start([Problem(401, TOKEN, None)]);
        assert!(Terminal::at(&server).run(format).bad(1).contains("[token]"));
    }
}

#[test]
fn what_is_said_to_this_machine_in_the_clear_does_not_pass_through_a_proxy() {
    let proxy = Server::start([ok(who())]);
    let server = Server::start([ok(who())]);
    let terminal = Terminal::at(&server).set("HTTP_PROXY", &proxy.url).set("ALL_PROXY", &proxy.url);
    terminal.run(&["whoami"]).good();
    assert_eq!((proxy.lines().len(), server.lines().len()), (0, 1));
}

#[test]
fn wrong_usage_is_two_and_nobody_is_asked() {
    let server = Server::start([]);
    let terminal = Terminal::at(&server);
    let empty = terminal.file("empty.md", " \n");
    for args in [
        ["follow", "not-an-id"].as_slice(),
        &["run", "team"],
        &["run", "team", "--brief", "nowhere.md"],
        &["run", "team", "--brief", &empty],
        &["import", "nowhere"],
        &["import", &empty],
        &["documents", RUN, "--force"],
        &["spend", RUN, "--limit", "3"],
        &["spend", RUN, "--by", "day"],
        &["stop", "tenant"],
        &["stop", "tenant", "--reason", "x", "--resume"],
        &["whoami", "--api", "http://cadre.example"],
        &["whoami", "--timeout", "0"],
        &["whoami", "--token", "two\nlines"],
        &["whoami", "--token", ""],
        &["dance"],
        &[],
    ] {
        assert!(!terminal.run(args).bad(2).is_empty(), "{args:?}");
    }
    assert_eq!(server.lines().len(), 0);
    assert!(Terminal::bare().run(&["whoami"]).bad(2).contains("CADRE_API"));
    let nobody = Terminal::bare().set("CADRE_API", &server.url).run(&["whoami"]);
    assert!(nobody.bad(1).contains("cadre login"), "{}", nobody.err);
}

#[test]
fn whoever_waits_longer_than_two_seconds_sees_it_and_a_silent_server_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let terminal = Terminal::bare().set("CADRE_API", &url).set("CADRE_TOKEN", TOKEN);
    let said = terminal.run(&["cancel", RUN, "--timeout", "3"]);
    assert!(said.bad(1).contains("waiting for the API, 2 s"), "{}", said.err);
    assert!(said.err.contains("timeout"), "{}", said.err);
}
