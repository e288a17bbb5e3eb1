//! The OpenAI-compatible provider on every kind of bad day (rows F19, F20 and P10).

use std::time::{Duration, Instant};

use shared::Error;
use shared::llm::{Finish, Llm, Prompt, Settings};

use crate::scripted::{Reply, Script, Server};
use crate::{prompt, scripted, settings};

/// What a client on a busy machine may take longer than the clock says.
const SLACK: Duration = Duration::from_secs(2);

/// The time between the two calls.
async fn second_time_lucky(fault: Reply) -> Duration {
    let (server, llm) = scripted([fault, Reply::text("Well then.")]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert_eq!((answer.text.as_str(), answer.calls), ("Well then.", 2));
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    calls[1].at - calls[0].at
}

/// The sentence of a refusal that came after exactly one call.
async fn refused_at_once(fault: Reply) -> String {
    let (server, llm) = scripted([fault]);
    let refusal = llm.complete(&prompt("Hello?")).await.expect_err("a refusal");
    assert_eq!(server.count(), 1);
    match refusal {
        Error::ModelRefused(sentence) => sentence,
        other => panic!("not final: {other:?}"),
    }
}

#[tokio::test]
async fn f19_a_429_with_retry_after_in_seconds_is_waited_for() {
    assert!(second_time_lucky(Reply::too_many_requests(2)).await >= Duration::from_secs(2));
}

#[tokio::test]
async fn f19_a_429_with_retry_after_as_a_date_is_waited_for() {
    let fault = Reply::too_many_requests_until(Duration::from_secs(2));
    assert!(second_time_lucky(fault).await >= Duration::from_secs(1));
}

#[tokio::test]
async fn f19_a_wait_beyond_the_deadline_fails_at_once() {
    let (server, llm) = scripted([Reply::too_many_requests(3600)]);
    let started = Instant::now();
    let failure = llm.complete(&prompt("Hello?")).await.expect_err("no answer");
    assert!(matches!(failure, Error::Unavailable(_)));
    assert!(started.elapsed() < SLACK && server.count() == 1);
}

#[tokio::test]
async fn f19_a_500_is_asked_again() {
    second_time_lucky(Reply::status(500)).await;
}

#[tokio::test]
async fn f19_a_529_is_asked_again() {
    second_time_lucky(Reply::overloaded()).await;
}

#[tokio::test]
async fn f19_a_model_that_stays_silent_is_asked_again() {
    second_time_lucky(Reply::Silence).await;
}

#[tokio::test]
async fn f19_three_failures_are_enough() {
    let (server, llm) = scripted(vec![Reply::status(500); 5]);
    let failure = llm.complete(&prompt("Hello?")).await.expect_err("no answer");
    assert!(matches!(failure, Error::Unavailable(_)));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn f19_the_deadline_holds_against_silence() {
    let (server, llm) = scripted(vec![Reply::Silence; 3]);
    let hasty = Prompt { deadline: Duration::from_millis(1500), ..prompt("Hello?") };
    let started = Instant::now();
    let failure = llm.complete(&hasty).await.expect_err("no answer");
    assert!(matches!(failure, Error::Unavailable(_)));
    assert!(started.elapsed() < hasty.deadline + SLACK);
    assert!(server.count() <= 2);
}

#[tokio::test]
async fn f19_nobody_listening_is_unavailable_not_a_refusal() {
    let (server, llm) = scripted([]);
    drop(server);
    let failure = llm.complete(&prompt("Hello?")).await.expect_err("no answer");
    assert!(matches!(failure, Error::Unavailable(_)));
}

#[tokio::test]
async fn f19_a_final_refusal_names_the_setting() {
    for (status, setting) in [(401, "MODEL_API_KEY"), (404, "MODEL_NAME"), (400, "MODEL_NAME")] {
        assert!(refused_at_once(Reply::status(status)).await.contains(setting));
    }
}

#[tokio::test]
async fn f20_a_stream_cut_in_the_middle_is_asked_again() {
    second_time_lucky(Reply::Cut("Half of".to_owned())).await;
}

#[tokio::test]
async fn f20_a_stream_that_ends_without_an_end_is_asked_again() {
    second_time_lucky(Reply::Ended("Half of".to_owned())).await;
}

#[tokio::test]
async fn f20_a_stream_that_stalls_is_asked_again() {
    second_time_lucky(Reply::Stall("Half of".to_owned())).await;
}

#[tokio::test]
async fn f20_a_damaged_stream_is_asked_again() {
    second_time_lucky(Reply::damaged("Half of")).await;
}

#[tokio::test]
async fn f20_garbage_instead_of_http_is_asked_again() {
    second_time_lucky(Reply::Bytes(b"\x00\xff\x13garbage\r\n\r\n".to_vec())).await;
}

#[tokio::test]
async fn a_connection_that_dies_between_two_calls_costs_no_pause() {
    let dies = [Reply::text("First."), Reply::Bytes(Vec::new()), Reply::text("Second.")];
    let (server, llm) = scripted(dies);
    llm.complete(&prompt("Hello?")).await.expect("an answer");
    let second = llm.complete(&prompt("Hello again?")).await.expect("an answer");
    assert_eq!((second.text.as_str(), server.count()), ("Second.", 3));
    let calls = server.calls();
    assert!(calls[2].at - calls[1].at < Duration::from_millis(100));
}

#[tokio::test]
async fn f20_wrong_json_is_refused() {
    for json in ["{\"hello\":\"world\"}", "{\"choices\":[{\"message\":{\"content\":[7]}}]}", "{]"] {
        let bytes = json.as_bytes().to_vec();
        let sentence = refused_at_once(Reply::Body { content_type: "application/json", bytes });
        assert!(sentence.await.contains("MODEL_BASE_URL"));
    }
}

#[tokio::test]
async fn f20_ten_megabytes_are_refused() {
    assert!(refused_at_once(Reply::big(10 * 1024 * 1024)).await.contains("2 MiB"));
    let bytes = vec![b'{'; 10 * 1024 * 1024];
    let document = Reply::Body { content_type: "application/json", bytes };
    assert!(refused_at_once(document).await.contains("2 MiB"));
}

#[tokio::test]
async fn f20_a_character_split_over_chunks_survives() {
    let (_server, llm) = scripted([Reply::byte_by_byte("Één café, 漢字, 🦀.")]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert_eq!(answer.text, "Één café, 漢字, 🦀.");
}

#[tokio::test]
async fn f20_bytes_that_are_no_text_become_replacement_characters() {
    let chunk = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\xc3b\"}}]}\n\n".to_vec();
    let (_server, llm) = scripted([Reply::Chunks(vec![chunk, b"data: [DONE]\n\n".to_vec()])]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert_eq!((answer.text.as_str(), answer.finish), ("a\u{fffd}\u{fffd}b", Finish::Other));
}

#[tokio::test]
async fn f20_an_end_that_comes_twice_is_billed_once() {
    let (_server, llm) = scripted([Reply::ended_twice("Once.")]);
    let answer = llm.complete(&prompt("Hello?")).await.expect("an answer");
    assert_eq!((answer.text.as_str(), answer.input_tokens, answer.output_tokens), ("Once.", 11, 1));
}

#[tokio::test]
async fn f20_a_stream_that_never_ends_is_left_at_the_deadline() {
    let (_server, llm) = scripted([Reply::Endless(Duration::from_millis(50))]);
    let hasty = Prompt { deadline: Duration::from_millis(1500), ..prompt("Hello?") };
    let started = Instant::now();
    let failure = llm.complete(&hasty).await.expect_err("no answer");
    assert!(matches!(failure, Error::Unavailable(_)));
    assert!(started.elapsed() < hasty.deadline + SLACK);
}

#[tokio::test]
async fn p10_a_page_of_html_is_refused() {
    let bytes = b"<!doctype html><html><body>Sign in</body></html>".to_vec();
    let sentence = refused_at_once(Reply::Body { content_type: "text/html", bytes }).await;
    assert!(sentence.contains("MODEL_BASE_URL"));
}

#[tokio::test]
async fn p10_a_redirect_is_not_followed() {
    let elsewhere = Server::start(Script::echo()).expect("a server");
    let redirect = Reply::status(307).header("location", elsewhere.base_url.clone());
    assert!(refused_at_once(redirect).await.contains("MODEL_BASE_URL"));
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn p10_no_error_repeats_the_key_or_the_prompt() {
    let told = "{\"error\":{\"message\":\"sk-test-0123456789 may not ask: open sesame\"}}";
    for status in [401, 500] {
        let fault = Reply::Status { status, headers: vec![], body: told.to_owned() };
        let server = Server::start(Script::replies(vec![fault; 3])).expect("a server");
        let settings = Settings { timeout: Duration::from_secs(5), ..settings(&server) };
        let llm = Llm::from_settings(&settings).expect("a client");
        let failure = llm.complete(&prompt("open sesame")).await.expect_err("no answer");
        let shown = format!("{failure} {failure:?} {settings:?}");
        assert!(!shown.contains("sk-test") && !shown.contains("sesame"), "{shown}");
    }
}
