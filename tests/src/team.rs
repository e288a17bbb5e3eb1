//! A small team to work with: agents and a workflow, made through the API.

use anyhow::Result;
use serde_json::{Value, json};

use crate::Person;

/// Creates and publishes an agent.
pub async fn agent(person: &Person<'_>, slug: &str) -> Result<Value> {
    let definition = json!({ "name": slug, "title": "Tester", "role": format!("You are {slug}.") });
    let body = json!({ "slug": slug, "definition": definition });
    let agent = person.post("/v1/agents", body).await?.expect(201);
    let path = format!("/v1/agents/{}/versions", agent["id"].as_str().unwrap());
    person.post(&path, json!({})).await?.expect(201);
    Ok(agent)
}

/// Creates and publishes a workflow of these steps.
pub async fn workflow(person: &Person<'_>, slug: &str, steps: Value) -> Result<Value> {
    let body = json!({ "slug": slug, "definition": { "name": slug, "steps": steps } });
    let workflow = person.post("/v1/workflows", body).await?.expect(201);
    let path = format!("/v1/workflows/{}/versions", workflow["id"].as_str().unwrap());
    person.post(&path, json!({})).await?.expect(201);
    Ok(workflow)
}

/// Five steps: one, two in parallel, a room of three, and one that closes.
pub async fn five_steps(person: &Person<'_>) -> Result<()> {
    for slug in ["ann", "ben", "cas"] {
        agent(person, slug).await?;
    }
    let room = json!({ "members": ["ann", "ben", "cas"], "turns": 3 });
    let steps = json!([
        { "id": "first", "agent": "ann", "instruction": "Begin.", "document": "first.md" },
        { "id": "left", "agent": "ben", "needs": ["first"], "document": "left.md" },
        { "id": "right", "agent": "cas", "needs": ["first"], "document": "right.md" },
        { "id": "talk", "kind": "room", "room": room, "needs": ["left", "right"], "document": "talk.md" },
        { "id": "last", "agent": "ann", "needs": ["talk"], "document": "last.md" },
    ]);
    workflow(person, "five", steps).await.map(drop)
}
