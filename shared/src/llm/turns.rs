//! A prompt as Converse wants it: system texts apart, then user and assistant in strict turns.

use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message, SystemContentBlock};

use super::retry::Failure;
use super::{Prompt, Role};

/// What a conversation that opens with the assistant is taken to have been asked.
const OPENING: &str = "Begin.";

pub(super) fn system(prompt: &Prompt) -> Option<Vec<SystemContentBlock>> {
    let texts: Vec<_> = said(prompt)
        .filter(|(role, _)| *role == Role::System)
        .map(|(_, text)| SystemContentBlock::Text(text.to_owned()))
        .collect();
    (!texts.is_empty()).then_some(texts)
}

pub(super) fn messages(prompt: &Prompt) -> Result<Vec<Message>, Failure> {
    turns(prompt)
        .into_iter()
        .map(|(role, texts)| {
            let content = texts.into_iter().map(ContentBlock::Text).collect();
            let message = Message::builder().role(role).set_content(Some(content)).build();
            message.map_err(|error| Failure::passing(error.into()))
        })
        .collect()
}

/// Neighbours of the same role become one message of several blocks.
fn turns(prompt: &Prompt) -> Vec<(ConversationRole, Vec<String>)> {
    let mut turns: Vec<(ConversationRole, Vec<String>)> = Vec::new();
    for (role, text) in said(prompt) {
        let role = match role {
            Role::System => continue,
            Role::User => ConversationRole::User,
            Role::Assistant => ConversationRole::Assistant,
        };
        if turns.is_empty() && role == ConversationRole::Assistant {
            turns.push((ConversationRole::User, vec![OPENING.to_owned()]));
        }
        match turns.last_mut() {
            Some((last, texts)) if *last == role => texts.push(text.to_owned()),
            _ => turns.push((role, vec![text.to_owned()])),
        }
    }
    if turns.is_empty() {
        turns.push((ConversationRole::User, vec![OPENING.to_owned()]));
    }
    turns
}

/// Converse refuses blank texts.
fn said(prompt: &Prompt) -> impl Iterator<Item = (Role, &str)> {
    let said = prompt.messages.iter().map(|message| (message.role, message.content.as_str()));
    said.filter(|(_, text)| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shape(said: &[(Role, &str)]) -> Vec<(String, usize)> {
        let message = |(role, content): &(Role, &str)| crate::llm::Message {
            role: *role,
            name: None,
            content: (*content).to_owned(),
        };
        let prompt = Prompt {
            messages: said.iter().map(message).collect(),
            max_tokens: 1,
            temperature: 0.0,
            seed: None,
            deadline: Duration::ZERO,
        };
        turns(&prompt).into_iter().map(|(role, texts)| (role.to_string(), texts.len())).collect()
    }

    fn turn(role: &str, texts: usize) -> (String, usize) {
        (role.to_owned(), texts)
    }

    #[test]
    fn neighbours_of_one_role_become_one_turn() {
        use Role::{Assistant, System, User};
        let said = [(System, "s"), (User, "a"), (User, "b"), (User, " "), (Assistant, "c")];
        assert_eq!(shape(&said), [turn("user", 2), turn("assistant", 1)]);
    }

    #[test]
    fn a_conversation_always_begins_with_the_user() {
        assert_eq!(shape(&[(Role::Assistant, "a")]), [turn("user", 1), turn("assistant", 1)]);
        assert_eq!(shape(&[(Role::System, "only")]), [turn("user", 1)]);
    }
}
