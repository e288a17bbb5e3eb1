//! The model providers against a scripted server: what they ask, what they make of every answer.

#![expect(clippy::expect_used, reason = "a helper that fails, fails its test")]

#[path = "llm/bedrock.rs"]
mod bedrock;
#[path = "llm/extractive.rs"]
mod extractive;
#[path = "llm/faults.rs"]
mod faults;
#[path = "llm/many_scripts.rs"]
mod many_scripts;
#[path = "llm/openai.rs"]
mod openai;
#[expect(unreachable_pub, reason = "it is public in the crate it comes from")]
#[expect(clippy::disallowed_methods, reason = "a server in a test spawns and looks at the clock")]
#[path = "../../tests/src/scripted/mod.rs"]
mod scripted;

use std::time::Duration;

use serde_json::Map;
use shared::Secret;
use shared::llm::{Llm, Message, Prompt, Provider, Role, Settings};

use scripted::{Reply, Script, Server};

/// A server that says these, and a client that talks to it.
fn scripted(replies: impl IntoIterator<Item = Reply>) -> (Server, Llm) {
    let server = Server::start(Script::replies(replies)).expect("a server");
    let llm = Llm::from_settings(&settings(&server)).expect("a client");
    (server, llm)
}

fn settings(server: &Server) -> Settings {
    Settings {
        provider: Provider::OpenAi,
        base_url: Some(server.base_url.clone()),
        api_key: Some(Secret::new("sk-test-0123456789".to_owned())),
        model: "scripted-1".to_owned(),
        context_tokens: 8000,
        timeout: Duration::from_secs(1),
        sampling: Map::new(),
    }
}

fn prompt(question: &str) -> Prompt {
    let said = |role, name: Option<&str>, content: &str| Message {
        role,
        name: name.map(str::to_owned),
        content: content.to_owned(),
    };
    Prompt {
        messages: vec![
            said(Role::System, None, "You are Mary, an analyst."),
            said(Role::User, Some("ada"), question),
        ],
        max_tokens: 100,
        temperature: 0.8,
        seed: Some(42),
        deadline: Duration::from_secs(20),
    }
}
