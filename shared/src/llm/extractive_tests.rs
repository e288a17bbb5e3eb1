//! What the weightless model quotes, and that it never invents.

use std::time::Duration;

use super::*;
use crate::llm::Message;

const BRIEF: &str = "# Library\n\nThe library lends books to members of the village. Members pay \
    nothing. The building has a leaking roof.\n\nA member may reserve a book that is lent out. \
    Reservations expire after three days.\n\nDescribe how reservations of a book work.";

fn prompt(messages: &[(Role, &str)], max_tokens: u32) -> Prompt {
    let message = |(role, content): &(Role, &str)| Message {
        role: *role,
        name: None,
        content: (*content).to_owned(),
    };
    Prompt {
        messages: messages.iter().map(message).collect(),
        max_tokens,
        temperature: 0.8,
        seed: Some(1),
        deadline: Duration::from_secs(1),
    }
}

#[test]
fn it_quotes_what_fits_the_task_with_citations() {
    let reply = answer(&prompt(&[(Role::System, "You are Mary."), (Role::User, BRIEF)], 400));
    assert!(reply.text.starts_with("# Describe how reservations of a book work\n"));
    assert!(reply.text.contains("- A member may reserve a book that is lent out. [1]\n"));
    assert!(reply.text.contains("- Reservations expire after three days. [1]\n"));
    assert!(!reply.text.contains("roof"));
    assert!(reply.text.contains("[1] message 2 (question)\n"));
    assert!(reply.text.ends_with(FOOTNOTE));
    assert!(!reply.text.contains("AI"));
    assert_eq!(reply.finish, Finish::Stop);
}

#[test]
fn it_says_when_nothing_fits() {
    let messages = [(Role::Assistant, "The roof leaks in winter."), (Role::User, "Name a fish.")];
    let reply = answer(&prompt(&messages, 400));
    assert!(reply.text.starts_with("# Name a fish\n\nI found nothing in the context"));
}

#[test]
fn the_same_prompt_gets_the_same_text() {
    let prompt = prompt(&[(Role::User, BRIEF)], 400);
    let first = answer(&prompt).text;
    assert!((0..20).all(|_| answer(&prompt).text == first));
}

#[test]
fn it_keeps_to_max_tokens_and_is_never_empty() {
    for max_tokens in [0, 1, 2, 10, 30, 50, 80, 100] {
        let reply = answer(&prompt(&[(Role::User, BRIEF)], max_tokens));
        assert!(!reply.text.trim().is_empty());
        assert!(estimate_tokens(&reply.text) <= max_tokens.max(1), "{max_tokens}");
    }
    assert_eq!(answer(&prompt(&[(Role::User, BRIEF)], 10)).finish, Finish::Length);
}

#[test]
fn odd_prompts_do_no_harm() {
    let long = "é ".repeat(100_000);
    for content in ["", "\n\n", "###", "[1]", "- ", "a [", "?", &long, "…. …? …"] {
        let reply = answer(&prompt(&[(Role::User, content)], 100));
        assert!(!reply.text.trim().is_empty(), "{content:.20}");
    }
    assert!(!answer(&prompt(&[], 100)).text.is_empty());
}

#[test]
fn its_own_citations_are_not_quoted_again() {
    let earlier = answer(&prompt(&[(Role::User, BRIEF)], 400)).text;
    let task = "Describe how reservations of a book work, once more.";
    let reply = answer(&prompt(&[(Role::Assistant, &earlier), (Role::User, task)], 400));
    assert!(reply.text.contains("- Reservations expire after three days. [1]\n"));
    assert_eq!(reply.text.matches(FOOTNOTE).count(), 1);
}
