//! Who works in the benchmarks, and on what: the shapes that the peers were measured with.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use super::door::Door;

const AGENTS: [&str; 5] = ["mary", "john", "winston", "amelia", "quinn"];
const BRIEF: &str = include_str!("../../../../examples/briefs/bicycle-repair.md");

/// A workflow, and how many turns one run of it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// W1: four agents talk in turn, twelve turns, one step.
    Room,
    /// W3: five agents, one after the other, each on what the one before wrote.
    Chain,
    /// Forty steps that wait for nobody: a supply of single turns.
    Wide,
}

impl Shape {
    pub(crate) const fn turns(self) -> usize {
        match self {
            Self::Room => 12,
            Self::Chain => 5,
            Self::Wide => 40,
        }
    }

    /// For people.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Wide => "one turn (runs-step)",
            Self::Room => "12-turn room, whole run, a turn",
            Self::Chain => "5-agent chain, whole run, a turn",
        }
    }

    const fn slug(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Chain => "chain",
            Self::Wide => "wide",
        }
    }

    fn steps(self) -> Vec<Value> {
        let step = |n: usize, agent: &str, needs: Vec<String>| {
            let instruction = "Say what the next person needs to know, in a few sentences.";
            json!({ "id": format!("s{n}"), "agent": agent, "needs": needs,
                    "instruction": instruction, "document": format!("s{n}.md") })
        };
        match self {
            Self::Room => {
                // The closing turn is the twelfth.
                let room = json!({ "members": AGENTS[..4], "turns": self.turns() - 1 });
                vec![json!({ "id": "talk", "kind": "room", "room": room, "document": "talk.md" })]
            }
            Self::Chain => {
                let needs = |n: usize| n.checked_sub(1).map(|n| format!("s{n}"));
                let agents = AGENTS.iter().enumerate();
                agents.map(|(n, agent)| step(n, agent, needs(n).into_iter().collect())).collect()
            }
            Self::Wide => {
                (0..self.turns()).map(|n| step(n, AGENTS[n % AGENTS.len()], vec![])).collect()
            }
        }
    }
}

/// Puts agents and workflows on record, published.
pub(crate) async fn publish(door: &Door) -> Result<()> {
    let publish = async |kind: &str, body: Value| {
        let made = door.post(&format!("/v1/{kind}"), &body).await?;
        let id = made["id"].as_str().context("no id")?;
        door.post(&format!("/v1/{kind}/{id}/versions"), &json!({})).await
    };
    for slug in AGENTS {
        let definition = json!({
            "name": slug, "title": "Member of the team",
            "role": format!("You are {slug}, with twenty years of practice."),
            "communication_style": "Short and plain.",
            "principles": ["Say what you do not know", "Name the next step"],
        });
        publish("agents", json!({ "slug": slug, "definition": definition })).await?;
    }
    for shape in [Shape::Room, Shape::Chain, Shape::Wide] {
        let definition = json!({ "name": shape.slug(), "steps": shape.steps() });
        publish("workflows", json!({ "slug": shape.slug(), "definition": definition })).await?;
    }
    Ok(())
}

/// A run as the state machine sees it.
pub(crate) struct Run<'a> {
    door: &'a Door,
    tenant: Uuid,
    id: String,
}

impl<'a> Run<'a> {
    pub(crate) async fn start(door: &'a Door, tenant: Uuid, shape: Shape) -> Result<Self> {
        let body = json!({ "workflow": shape.slug(), "brief": BRIEF });
        let run = door.post("/v1/runs", &body).await?;
        Ok(Self { door, tenant, id: run["id"].as_str().context("no id")?.to_owned() })
    }

    /// Plans and works until the run is closed, as `run.asl.json` does.
    pub(crate) async fn to_the_end(&self) -> Result<()> {
        let mut steps = self.plan().await?;
        while !steps.is_empty() {
            // One a wave, in the shapes that are run whole, so each tells what comes next.
            let mut next = vec![];
            for step in &steps {
                next = steps_of(self.work(step).await?["then"].take());
            }
            steps = next;
        }
        let closed = self.door.invoke("runs-finish", self.event("")).await?;
        ensure!(closed["state"] == "succeeded", "the run is {closed}");
        Ok(())
    }

    /// The steps that can run now; none when all are done.
    pub(crate) async fn plan(&self) -> Result<Vec<Value>> {
        Ok(steps_of(self.door.invoke("runs-plan", self.event("")).await?))
    }

    /// The step's report.
    pub(crate) async fn work(&self, step: &Value) -> Result<Value> {
        let function = if step["kind"] == "room" { "runs-room" } else { "runs-step" };
        let id = step["id"].as_str().context("no id")?;
        let event = self.event(&format!(r#","step_id":"{id}","attempt":0"#));
        let report = self.door.invoke(function, event).await?;
        ensure!(report["next"] == "done", "{id}: {report}");
        Ok(report)
    }

    fn event(&self, more: &str) -> String {
        format!(r#"{{"tenant_id":"{}","run_id":"{}"{more}}}"#, self.tenant, self.id)
    }
}

fn steps_of(mut plan: Value) -> Vec<Value> {
    match plan["steps"].take() {
        Value::Array(steps) => steps,
        _ => vec![],
    }
}
