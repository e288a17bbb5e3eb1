//! The OpenAI-compatible provider on a good day.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::llm::{Finish, Llm, Settings, estimate_tokens};

use crate::scripted::{Latency, Reply, Script, Server, now};
use crate::{prompt, scripted, settings};

#[tokio::test]
async fn a_streamed_answer_comes_whole_with_its_usage() {
    let (server, llm) = scripted([Reply::text("Here are three risks.")]);
    let answer = llm.complete(&prompt("Which risks?")).await.expect("an answer");
    assert_eq!(answer.text, "Here are three risks.");
    assert_eq!((answer.input_tokens, answer.output_tokens), (11, 4));
    assert_eq!((answer.usage_estimated, answer.finish, answer.calls), (false, Finish::Stop, 1));
    assert_eq!((answer.provider, answer.model.as_str()), ("local", "scripted-1"));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_text_is_heard_while_it_comes_and_anew_with_each_call() {
    let broken = Reply::SlowCut("one two three".into(), Duration::from_millis(5));
    let whole = Reply::Slow("{now} four five six".into(), Duration::from_millis(20));
    let (_server, llm) = scripted([broken, whole]);
    let heard = Mutex::new(Vec::new());
    let hear = |call: u32, text: &str| {
        heard.lock().expect("a list").push((call, text.to_owned(), now()));
    };
    // It was paid for, so it is not asked again here.
    llm.complete_paid_once(&prompt("Hello?"), &hear).await.expect_err("an answer that broke off");
    let cut = std::mem::take(&mut *heard.lock().expect("a list"));
    assert!(cut.iter().all(|(call, ..)| *call == 1));
    assert_eq!(cut.last().map(|(_, text, _)| text.trim_end()), Some("one two three"));
    let answer = llm.complete_paid_once(&prompt("Hello?"), &hear).await.expect("an answer");
    let heard = heard.into_inner().expect("a list");
    let texts: Vec<_> = heard.iter().map(|(_, text, _)| text.as_str()).collect();
    assert!(texts.windows(2).all(|two| two[1].starts_with(two[0])), "{texts:?}");
    assert_eq!(texts.last().map(|text| text.trim_end()), Some(answer.text.as_str()));
    let (first, last) = (heard[0].2, heard[heard.len() - 1].2);
    assert!(last - first >= 30_000, "it was heard all at once: {} us", last - first);
}

#[tokio::test]
async fn an_answer_that_was_not_streamed_works_too() {
    let (_server, llm) = scripted([Reply::Document("One document.".to_owned())]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert_eq!((answer.text.as_str(), answer.output_tokens), ("One document.", 2));
}

#[tokio::test]
async fn it_asks_what_the_prompt_says() {
    let server = Server::start(Script::replies([Reply::Echo])).expect("a server");
    let sampling = json!({ "repeat_penalty": 1.15, "top_p": 0.9 });
    let sampling = sampling.as_object().cloned().unwrap_or_default();
    let llm = Llm::from_settings(&Settings { sampling, ..settings(&server) }).expect("a client");
    llm.complete(&prompt("Which risks?")).await.expect("an answer");

    let calls = server.calls();
    assert_eq!(calls[0].path, "/v1/chat/completions");
    assert_eq!(calls[0].header("authorization"), Some("Bearer sk-test-0123456789"));
    let expected = json!({
        "model": "scripted-1",
        "messages": [
            { "role": "system", "content": "You are Mary, an analyst." },
            { "role": "user", "name": "ada", "content": "Which risks?" },
        ],
        "max_tokens": 100,
        "temperature": 0.8,
        "seed": 42,
        "stream": true,
        "stream_options": { "include_usage": true },
        "repeat_penalty": 1.15,
        "top_p": 0.9,
    });
    assert_eq!(calls[0].json(), expected);
}

#[tokio::test]
async fn an_echo_is_the_same_for_the_same_request_and_names_the_speaker() {
    let latency = Latency::Fixed(Duration::from_millis(20));
    let server = Server::start(Script::echo().latency(latency)).expect("a server");
    let llm = Llm::from_settings(&settings(&server)).expect("a client");
    let started = Instant::now();
    let first = llm.complete(&prompt("Which risks?")).await.expect("an answer").text;
    assert!(started.elapsed() >= Duration::from_millis(20));
    assert!(first.starts_with("Mary, turn 1: "), "{first}");
    let again = llm.complete(&prompt("Which risks?")).await.expect("an answer").text;
    let other = llm.complete(&prompt("Which costs?")).await.expect("an answer").text;
    assert!(first == again && first != other);
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_rule_answers_the_requests_that_contain_its_text() {
    let latency =
        Latency::Between { least: Duration::ZERO, most: Duration::from_millis(10), seed: 7 };
    let script = Script::echo().latency(latency).keeping_calls();
    let script = script.when("risks", [Reply::text("Three."), Reply::text("Four.")]);
    let server = Server::start(script).expect("a server");
    let llm = Llm::from_settings(&settings(&server)).expect("a client");
    let mut answers = Vec::new();
    for question in ["Which risks?", "Hello?", "Which risks now?", "And risks again?"] {
        answers.push(llm.complete(&prompt(question)).await.expect("an answer").text);
    }
    assert_eq!((answers[0].as_str(), answers[2].as_str()), ("Three.", "Four."));
    assert!(answers[1].starts_with("Mary") && answers[3].starts_with("Mary"));
    let asked = server.calls()[1].json();
    assert_eq!(asked["messages"][1]["content"], "Hello?");
}

#[tokio::test]
async fn usage_that_is_not_told_is_estimated_and_says_so() {
    let (_server, llm) = scripted([Reply::without_usage("No numbers here.")]);
    let prompt = prompt("Hello?");
    let answer = llm.complete(&prompt).await.expect("an answer");
    assert!(answer.usage_estimated);
    assert_eq!(answer.output_tokens, estimate_tokens("No numbers here."));
    let contents: u32 = prompt.messages.iter().map(|m| estimate_tokens(&m.content)).sum();
    assert!(answer.input_tokens >= contents);
}
