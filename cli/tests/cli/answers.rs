//! Answers as the API gives them.

use serde_json::{Value, json};

pub(crate) const RUN: &str = "019a0000-0000-7000-8000-000000000001";
pub(crate) const TALK: &str = "019a0000-0000-7000-8000-000000000002";
pub(crate) const DOCUMENT: &str = "019a0000-0000-7000-8000-000000000003";

pub(crate) fn run(state: &str) -> Value {
    json!({
        "id": RUN, "workflow_id": RUN, "workflow": "team", "workflow_version": "1.0.0",
        "state": state, "created_at": "2026-11-23T10:00:00Z", "brief": "A shop",
        "spend": { "input_tokens": 900, "output_tokens": 100, "cost_micros": 1_234_567,
            "reserved_tokens": 50, "reserved_micros": 10, "token_cap": 2_000_000,
            "micros_cap": 10_000_000 },
        "steps": [{ "id": "draft", "title": "Draft", "kind": "agent", "state": "succeeded",
            "needs": [], "cast": ["writer@1.0.0"], "conversation_id": TALK, "turns": 1,
            "input_tokens": 900, "output_tokens": 100, "cost_micros": 1_234_567,
            "started_at": "2026-11-23T10:00:01Z", "ended_at": "2026-11-23T10:00:03.5Z" }],
    })
}

pub(crate) fn event(sequence: i64, kind: &str, step: Option<&str>, data: &Value) -> Value {
    let at = format!("2026-11-23T10:00:{sequence:02}Z");
    json!({ "sequence": sequence, "kind": kind, "step_id": step, "data": data, "at": at })
}

pub(crate) fn turn(sequence: i64) -> Value {
    let data = json!({ "turn": 1, "speaker": "Mary", "reason": "round robin: turn 1 of 4",
        "conversation_id": TALK, "model": "m", "input_tokens": 812, "output_tokens": 240,
        "cost_micros": 1200, "duration_ms": 2900 });
    event(sequence, "turn.taken", Some("draft"), &data)
}

pub(crate) fn message(content: &str) -> Value {
    json!({
        "sequence": 1, "agent_id": TALK, "agent_version": "1.0.0", "speaker": "Mary",
        "reason": "the workflow gives step `draft` to writer", "content": content,
        "created_at": "2026-11-23T10:00:02Z",
        "context": [
            { "layer": "brief", "source": "run", "tokens": 900, "included_tokens": 620,
              "digest": "00" },
            { "layer": "task", "source": "step draft", "tokens": 12, "included_tokens": 12,
              "digest": "00" } ],
        "usage": { "provider": "openai", "model": "m", "input_tokens": 900, "output_tokens": 100,
            "estimated": true, "cost_micros": null, "calls": 2, "duration_ms": 2500 },
    })
}

pub(crate) fn document(name: &str, content: &str) -> Value {
    use sha2::{Digest, Sha256};
    json!({ "id": DOCUMENT, "run_id": RUN, "step_id": "draft", "name": name,
        "media_type": "text/markdown", "bytes": content.len(), "created_at": "2026-11-23T10:00:03Z",
        "digest": format!("{:x}", Sha256::digest(content)), "content": content })
}

pub(crate) fn agent(slug: &str) -> Value {
    json!({ "id": TALK, "slug": slug, "revision": 1, "labels": {}, "latest": "1.2.0",
        "created_at": "2026-11-23T10:00:00Z", "updated_at": "2026-11-23T10:00:00Z",
        "draft": { "name": "Mary", "title": "Analyst", "role": "She asks." } })
}

pub(crate) fn who() -> Value {
    json!({ "subject": "auth0|ada", "email": "ada@example.test", "organization_id": "org_1",
        "organization_name": "Acme", "roles": ["admin"], "permissions": ["runs:read"],
        "factors": [] })
}

pub(crate) fn import(replayed: bool) -> Value {
    let none = json!({ "created": [], "updated": [], "unchanged": [], "merged": [] });
    let agents = json!({ "created": ["mary", "john"], "updated": [], "unchanged": ["ann"],
        "merged": [{ "slug": "bob", "kept_ours": ["/role"] }] });
    json!({ "id": RUN, "digest": "00", "source": {}, "replayed": replayed,
        "created_at": "2026-11-23T10:00:00Z",
        "outcome": { "agents": agents, "members": none, "workflows": none,
            "published_workflows": ["a"], "draft_workflows": [{ "workflow": "b", "why": "a guess" }],
            "rooms": 1, "aliases": 2, "attachments": 3, "catalog": [], "edges": [], "plan": [],
            "tables": [], "questions": [],
            "report": { "counts": { "agents": 4 }, "placeholders": {}, "script_calls": {},
                "unresolved": [{ "within": "w", "name": "ghost", "treated_as": "a note" }],
                "missing": [], "rejected": [{ "path": "x.md", "reason": "no front matter" }],
                "needs_review": [], "warnings": ["old"], "not_listed": 0 } } })
}
