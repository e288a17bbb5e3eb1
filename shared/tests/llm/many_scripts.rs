//! A thousand scripts of faults (row F20): the outcome is the one the script deserves,
//! after no more than three calls and before the deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use shared::Error;
use shared::llm::{Llm, Settings};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::scripted::{Reply, Script, Server};
use crate::{prompt, settings};

const SCRIPTS: usize = 1000;
/// As many as one server looks through without its search being what is measured.
const A_SERVER: usize = 250;
const AT_ONCE: usize = 100;
/// Far above what a sound reply takes with so many at once, so only silence is silence.
const SILENCE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_mins(1);

#[derive(Clone, Debug)]
enum Deserves {
    Text,
    Another,
    Refusal,
}

fn reply() -> impl Strategy<Value = (Reply, Deserves)> {
    use Deserves::{Another, Refusal, Text};
    let text = || "[a-zé漢 ]{0,30}x".prop_map(|text| text.trim().to_owned());
    let html = Reply::Body { content_type: "text/html", bytes: b"<html></html>".to_vec() };
    prop_oneof![
        3 => text().prop_map(|text| (Reply::Text(text), Text)),
        1 => text().prop_map(|text| (Reply::Document(text), Text)),
        1 => text().prop_map(|text| (Reply::without_usage(&text), Text)),
        1 => text().prop_map(|text| (Reply::ended_twice(&text), Text)),
        4 => prop::sample::select(vec![408, 409, 429, 500, 502, 503, 529])
            .prop_map(|status| (Reply::status(status), Another)),
        1 => Just((Reply::too_many_requests(1), Another)),
        2 => text().prop_map(|text| (Reply::Cut(text), Another)),
        2 => text().prop_map(|text| (Reply::Ended(text), Another)),
        2 => text().prop_map(|text| (Reply::damaged(&text), Another)),
        2 => vec(0x80_u8.., 1..100).prop_map(|bytes| (Reply::Bytes(bytes), Another)),
        1 => prop::sample::select(vec![300, 400, 401, 403, 404, 413, 422])
            .prop_map(|status| (Reply::status(status), Refusal)),
        1 => Just((html, Refusal)),
    ]
}

/// At most one silence, first: three in a row would only make the test slow.
fn script() -> impl Strategy<Value = Vec<(Reply, Deserves)>> {
    let silence = || {
        prop_oneof![Just(Reply::Silence), Just(Reply::Stall("once upon".to_owned()))]
            .prop_map(|reply| (reply, Deserves::Another))
    };
    let begun = prop_oneof![1 => silence().boxed(), 19 => reply().boxed()];
    (begun, vec(reply(), 2..3)).prop_map(|(first, rest)| [vec![first], rest].concat())
}

fn text(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Text(text) | Reply::Document(text) => Some(text),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f20_a_thousand_scripts_end_as_they_deserve() {
    let mut runner = TestRunner::deterministic();
    let mut draw = || script().new_tree(&mut runner).expect("a script").current();
    let scripts: Vec<_> = (0..SCRIPTS).map(|_| draw()).collect();
    let key = |number: usize| format!("script {number};");

    let mut servers = Vec::new();
    for (batch, scripts) in scripts.chunks(A_SERVER).enumerate() {
        let mut rules = Script::echo().keeping_calls();
        for (number, script) in scripts.iter().enumerate() {
            let replies = script.iter().map(|(reply, _)| reply.clone());
            rules = rules.when(&key(batch * A_SERVER + number), replies);
        }
        servers.push(Server::start(rules).expect("a server"));
    }
    let clients: Vec<Llm> = servers
        .iter()
        .map(|server| Settings { timeout: SILENCE, ..settings(server) })
        .map(|settings| Llm::from_settings(&settings).expect("a client"))
        .collect();
    let clients: &'static [Llm] = Box::leak(clients.into_boxed_slice());

    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (number, script) in scripts.into_iter().enumerate() {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.expect("a place");
            let mut prompt = prompt(&key(number));
            prompt.deadline = DEADLINE;
            let started = Instant::now();
            let outcome = clients[number / A_SERVER].complete(&prompt).await;
            assert!(started.elapsed() < DEADLINE, "script {number} passed its deadline");
            judge(number, &script, outcome)
        });
    }
    let calls: u32 = running.join_all().await.into_iter().sum();
    let asked: usize = servers.iter().map(Server::count).sum();
    assert_eq!(usize::try_from(calls), Ok(asked), "calls made and calls counted");
}

/// Compares with what the script deserves and says how many calls that takes.
fn judge(
    number: usize,
    script: &[(Reply, Deserves)],
    outcome: shared::Result<shared::llm::Completion>,
) -> u32 {
    let decided = script.iter().position(|(_, deserves)| !matches!(deserves, Deserves::Another));
    let calls = u32::try_from(decided.map_or(script.len(), |index| index + 1)).expect("few");
    let last = decided.map(|index| &script[index]);
    match (last, outcome) {
        (Some((reply, Deserves::Text)), Ok(answer)) => {
            assert_eq!(answer.calls, calls, "script {number}");
            assert!(text(reply).is_none_or(|text| text == answer.text), "script {number}");
        }
        (Some((_, Deserves::Refusal)), Err(Error::ModelRefused(_)))
        | (None, Err(Error::Unavailable(_))) => {}
        (_, outcome) => panic!("script {number}: {script:?} ended as {outcome:?}"),
    }
    calls
}
