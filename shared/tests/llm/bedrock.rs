//! Bedrock against recorded Converse replies, over HTTP, with the real SDK.

use std::time::Duration;

use serde_json::{Value, json};
use shared::Error;
use shared::llm::{Completion, Finish, Llm, Prompt, Provider, Settings};

use crate::scripted::{Reply, Script, Server};
use crate::{prompt, settings};

const MODEL: &str = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";

fn scripted(replies: impl IntoIterator<Item = Reply>) -> (Server, Llm) {
    let server = Server::start(Script::replies(replies)).expect("a server");
    let settings = Settings {
        provider: Provider::Bedrock,
        base_url: Some(server.endpoint.clone()),
        model: MODEL.to_owned(),
        ..settings(&server)
    };
    let llm = Llm::from_settings(&settings).expect("a client");
    (server, llm)
}

fn recorded(text: &str, stop: &str) -> Value {
    json!({
        "metrics": { "latencyMs": 1275 },
        "output": { "message": { "content": [{ "text": text }], "role": "assistant" } },
        "stopReason": stop,
        "usage": { "inputTokens": 125, "outputTokens": 60, "totalTokens": 185 },
    })
}

async fn refused_at_once(fault: Reply) -> String {
    let (server, llm) = scripted([fault]);
    let refusal = llm.complete(&prompt("Hello?")).await.expect_err("a refusal");
    assert_eq!(server.count(), 1);
    match refusal {
        Error::ModelRefused(sentence) => sentence,
        other => panic!("not final: {other:?}"),
    }
}

async fn second_time_lucky(fault: Reply) -> Completion {
    let (server, llm) = scripted([fault, Reply::converse(&recorded("Well then.", "end_turn"))]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert_eq!((answer.calls, server.count()), (2, 2));
    answer
}

#[tokio::test]
async fn a_recorded_answer_is_read_with_its_usage() {
    let (server, llm) = scripted([Reply::converse(&recorded("Three risks.", "end_turn"))]);
    let answer = llm.complete(&prompt("Which risks?")).await.expect("an answer");
    assert_eq!(answer.text, "Three risks.");
    assert_eq!((answer.input_tokens, answer.output_tokens), (125, 60));
    assert_eq!((answer.usage_estimated, answer.finish, answer.calls), (false, Finish::Stop, 1));
    assert_eq!((answer.provider, answer.model.as_str()), ("bedrock", MODEL));

    let calls = server.calls();
    let path = "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse";
    assert_eq!(calls[0].path, path);
    assert_eq!(calls[0].header("authorization"), Some("Bearer sk-test-0123456789"));
    let asked = calls[0].json();
    assert_eq!(asked["system"], json!([{ "text": "You are Mary, an analyst." }]));
    let question = json!([{ "role": "user", "content": [{ "text": "Which risks?" }] }]);
    assert_eq!(asked["messages"], question);
    assert_eq!(asked["inferenceConfig"]["maxTokens"], 100);
}

#[tokio::test]
async fn why_it_stopped_is_told() {
    for (stop, finish) in [
        ("max_tokens", Finish::Length),
        ("stop_sequence", Finish::Stop),
        ("guardrail_intervened", Finish::Other),
        ("a_reason_of_tomorrow", Finish::Other),
    ] {
        let (_server, llm) = scripted([Reply::converse(&recorded("Some text.", stop))]);
        let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
        assert_eq!(answer.finish, finish, "{stop}");
    }
}

#[tokio::test]
async fn an_echo_answers_converse_too() {
    let (_server, llm) = scripted([]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert!(answer.text.starts_with("Mary, turn 1: "), "{}", answer.text);
}

#[tokio::test]
async fn f19_what_passes_is_asked_again() {
    for (status, name) in [
        (429, "ThrottlingException"),
        (408, "ModelTimeoutException"),
        (503, "ServiceUnavailableException"),
        (500, "InternalServerException"),
        (429, "ModelNotReadyException"),
        (424, "ModelErrorException"),
        (529, "AnErrorOfTomorrow"),
    ] {
        second_time_lucky(Reply::converse_error(status, name)).await;
    }
}

#[tokio::test]
async fn f19_silence_and_cut_connections_are_asked_again() {
    second_time_lucky(Reply::Silence).await;
    second_time_lucky(Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())).await;
}

#[tokio::test]
async fn f19_the_deadline_holds() {
    let (_server, llm) = scripted(vec![Reply::Silence; 3]);
    let hasty = Prompt { deadline: Duration::from_millis(500), ..prompt("Hello?") };
    let failure = llm.complete(&hasty).await.expect_err("no answer");
    assert!(matches!(failure, Error::Unavailable(_)));
}

#[tokio::test]
async fn f19_a_final_refusal_says_what_to_do() {
    for (status, name, advice) in [
        (403, "AccessDeniedException", "bedrock:InvokeModel"),
        (404, "ResourceNotFoundException", "MODEL_NAME"),
        (400, "ValidationException", "inference profile"),
        (418, "AnErrorOfTomorrow", "MODEL_NAME"),
    ] {
        let sentence = refused_at_once(Reply::converse_error(status, name)).await;
        assert!(sentence.contains(advice), "{sentence}");
    }
}

#[tokio::test]
async fn f20_an_answer_that_is_none_is_refused() {
    let html = Reply::Body { content_type: "text/html", bytes: b"<html></html>".to_vec() };
    refused_at_once(html).await;
    let held_back = refused_at_once(Reply::converse(&recorded("", "guardrail_intervened"))).await;
    assert!(held_back.contains("filter"));
}

#[tokio::test]
async fn f20_an_empty_answer_is_asked_for_again() {
    let answer = second_time_lucky(Reply::converse(&recorded(" ", "end_turn"))).await;
    assert_eq!(answer.text, "Well then.");
}
