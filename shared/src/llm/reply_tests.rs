//! A reply from bytes: whole, split anywhere, or nonsense.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Error;
use crate::llm::retry::Again;

fn gather(chunks: &[&[u8]]) -> Result<Reply, Failure> {
    let mut gatherer = Gatherer::default();
    for chunk in chunks {
        gatherer.push(chunk)?;
    }
    gatherer.reply()
}

fn stream(text: &str) -> Vec<u8> {
    let delta = |word| json!({ "choices": [{ "delta": { "content": word } }] });
    let words = text.split_inclusive(' ').map(|word| delta(word).to_string());
    let words = words.collect::<Vec<_>>().join("\n\ndata: ");
    let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": 5 });
    let usage = json!({ "choices": [], "usage": usage });
    let hello = ": hello\r\n\r\n";
    format!("{hello}data: {words}\n\ndata: {end}\r\n\r\ndata: {usage}\n\ndata: [DONE]\n\n")
        .into_bytes()
}

fn is_final(failure: &Failure) -> bool {
    matches!(failure.error, Error::ModelRefused(_)) && failure.again == Again::Never
}

#[test]
fn a_document_is_read_as_well_as_a_stream() {
    let message = json!({ "content": "Hello.", "role": "assistant", "tool_calls": null });
    let document = json!({ "choices": [{ "message": message, "finish_reason": "length" }] });
    let reply = gather(&[b"\r\n ", document.to_string().as_bytes()]).expect("a reply");
    assert_eq!((reply.text.as_str(), reply.finish, reply.usage), ("Hello.", Finish::Length, None));
}

#[test]
fn content_may_come_in_parts() {
    let parts = json!([{ "type": "text", "text": "Hel" }, { "type": "x" }, { "text": "lo." }]);
    let document = json!({ "choices": [{ "message": { "content": parts } }] });
    assert_eq!(gather(&[document.to_string().as_bytes()]).expect("a reply").text, "Hello.");
}

#[test]
fn f20_what_is_no_chat_is_final() {
    for body in [
        "<html><body>Welcome</body></html>",
        "{\"hello\":\"world\"}",
        "{\"choices\":\"none\"}",
        "{\"choices\":[{\"message\":{\"content\":7}}]}",
        "{} {}",
        "data: {\"hello\":1}\n\ndata: [DONE]\n\n",
        "data: gibberish\n\n",
        "[1,2]",
    ] {
        let failure = gather(&[body.as_bytes()]).expect_err(body);
        assert!(is_final(&failure), "{body}: {failure:?}");
    }
}

#[test]
fn f20_what_was_cut_or_damaged_is_asked_again() {
    let whole = stream("Hello there, world.");
    let cut = &whole[..whole.len() / 2];
    let damaged = [cut, b"\n\ndata: {\"choi\n\n"].concat();
    for body in [cut, &damaged, b"", b"  \n", b"{\"choices\":[{\"mess"] {
        let failure = gather(&[body]).expect_err("no reply");
        assert!(matches!(failure.error, Error::Unavailable(_)), "{failure:?}");
        assert_eq!(failure.again, Again::Soon);
    }
}

#[test]
fn f20_a_repeated_end_or_usage_is_counted_once() {
    let once = gather(&[&stream("Hello there.")]).expect("a reply");
    let whole = stream("Hello there.");
    let text = String::from_utf8(whole).expect("text");
    let (start, usage) = text.split_at(text.find("data: {\"choices\":[],").expect("usage"));
    let again = gather(&[start.as_bytes(), usage.as_bytes(), usage.as_bytes()]).expect("a reply");
    assert_eq!((again.text, again.usage), (once.text, Some((3, 5))));
    let late = json!({ "choices": [{ "delta": { "content": " Hello?" } }] });
    let late = format!("data: {late}\n\n");
    let again = gather(&[start.as_bytes(), late.as_bytes(), usage.as_bytes()]).expect("a reply");
    assert_eq!(again.text, "Hello there.");
}

#[test]
fn an_error_in_the_stream_is_an_error() {
    let error = |error: Value| {
        gather(&[format!("data: {}\n\n", json!({ "error": error })).as_bytes()]).expect_err("error")
    };
    assert_eq!(error(json!({ "code": 529, "message": "busy" })).again, Again::Soon);
    assert_eq!(error(json!({ "type": "overloaded_error" })).again, Again::Soon);
    assert!(is_final(&error(json!({ "code": 400 }))));
    assert!(is_final(&error(json!({ "code": "insufficient_quota" }))));
}

#[test]
fn an_empty_answer_is_refused_after_other_draws() {
    let failure = gather(&[&stream(" ")]).expect_err("nothing");
    assert!(matches!(failure.error, Error::ModelRefused(_)));
    assert_eq!(failure.again, Again::Soon);
    let spent = json!({ "choices": [{ "message": { "content": "" }, "finish_reason": "length" }] });
    assert!(is_final(&gather(&[spent.to_string().as_bytes()]).expect_err("nothing")));
}

#[test]
fn what_postgres_cannot_store_is_left_out() {
    assert_eq!(gather(&[&stream("a\0b ")]).expect("a reply").text, "ab");
}

#[test]
fn f20_ten_megabytes_are_refused_before_they_are_held() {
    let piece = json!({ "choices": [{ "delta": { "content": "x".repeat(65_536) } }] });
    let piece = format!("data: {piece}\n\n").into_bytes();
    let mut gatherer = Gatherer::default();
    let refused = (0..160).position(|_| gatherer.push(&piece).is_err_and(|f| is_final(&f)));
    assert_eq!(refused, Some(32));
    let mut gatherer = Gatherer::default();
    gatherer.push(b"{\"choices\":[{\"message\":{\"content\":\"").expect("a beginning");
    let refused = (0..160).position(|_| gatherer.push(&piece).is_err_and(|f| is_final(&f)));
    assert!(refused.is_some_and(|pieces| pieces < 70), "{refused:?}");
}

proptest! {
    #[test]
    fn f20_a_stream_split_anywhere_gives_the_same_text(
        text in "[a-z é\u{1F600}漢\\n\"\\\\]{1,200}x",
        cuts in vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let bytes = stream(&text);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let reply = gather(&chunks).expect("a reply");
        prop_assert_eq!(reply.text, text.trim());
        prop_assert_eq!(reply.usage, Some((3, 5)));
    }

    #[test]
    fn f20_random_bytes_are_an_error_not_a_panic(
        chunks in vec(vec(any::<u8>(), 0..200), 0..10),
    ) {
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        prop_assert!(gather(&chunks).is_err());
    }

    #[test]
    fn f20_a_spoiled_stream_never_panics_and_never_grows(
        at in any::<prop::sample::Index>(),
        spoil in vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = stream("Hello there, wide world.");
        let at = at.index(bytes.len());
        let end = (at + spoil.len()).min(bytes.len());
        bytes.splice(at..end, spoil);
        if let Ok(reply) = gather(&[&bytes]) {
            prop_assert!(!reply.text.is_empty() && reply.text.len() < bytes.len());
        }
    }
}
