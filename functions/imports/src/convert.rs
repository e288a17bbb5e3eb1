//! What was read becomes what is stored. Nothing is dropped: what has no field goes to
//! `extensions`.

use agents::model::{Capability, Definition as Agent};
use rooms::Room;
use serde_json::{Map, Value, json};
use workflows::model::{Definition as Workflow, Kind, Step};

use crate::model::{AgentDef, MemberDef, RoomDef, StepDef, StepKind, WorkflowDef};

/// Turns of an imported room, for each of its members.
const TURNS_EACH: u32 = 2;
const MOST_TURNS: u32 = 50;
/// A remark, and not an essay.
const PARTY_ANSWER_TOKENS: u32 = 160;

pub fn agent(from: &AgentDef) -> Agent {
    let capability = |from: &crate::model::Capability| Capability {
        code: from.code.clone(),
        description: from.description.clone(),
        skill: from.skill.clone(),
        prompt: from.prompt.clone(),
        args: from.args.clone(),
        files: from.files.clone(),
    };
    Agent {
        name: from.name.clone(),
        title: from.title.clone(),
        icon: from.icon.clone(),
        team: from.team.clone(),
        description: from.description.clone(),
        role: from.role.clone(),
        identity: from.identity.clone(),
        communication_style: from.communication_style.clone(),
        principles: from.principles.clone(),
        facts: from.facts.clone(),
        instructions: from.instructions.clone(),
        capabilities: from.capabilities.iter().map(capability).collect(),
        language: from.language.clone(),
        source: Some(from.source.clone()),
        files: from.files.clone(),
        extensions: from.extensions.clone(),
    }
}

/// A member of a room is an agent with little more than a persona.
pub fn member(from: &MemberDef) -> Agent {
    let mut extensions = from.extensions.clone();
    let others = [("capabilities", &from.capabilities), ("model", &from.model)];
    for (key, value) in others {
        if let Some(value) = value {
            extensions.insert(key.into(), value.clone().into());
        }
    }
    Agent {
        name: from.name.clone(),
        title: Some(from.title.clone()).filter(|title| !title.is_empty()),
        icon: from.icon.clone(),
        team: None,
        description: String::new(),
        role: from.persona.clone(),
        identity: String::new(),
        communication_style: String::new(),
        principles: Vec::new(),
        facts: Vec::new(),
        instructions: String::new(),
        capabilities: Vec::new(),
        language: None,
        source: Some(from.source.clone()),
        files: Vec::new(),
        extensions,
    }
}

pub fn workflow(from: &WorkflowDef) -> Workflow {
    let mut extensions = Map::new();
    let mut keep = |key: &str, value: Value| {
        let empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            other => other.is_null(),
        };
        if !empty {
            extensions.insert(key.into(), value);
        }
    };
    keep("settings", Value::Object(from.settings.clone()));
    keep("facts", json!(from.facts));
    keep("lenses", json!(from.lenses));
    keep("review_layers", json!(from.review_layers));
    keep("on_complete", json!(from.on_complete));
    keep("files", json!(from.files));
    let rest = |step: &StepDef| {
        let bare = step.files.is_empty() && step.extensions.is_empty();
        let kept = json!({ "files": step.files, "extensions": step.extensions });
        (!bare).then(|| (step.id.clone(), kept))
    };
    keep("steps", Value::Object(from.steps.iter().filter_map(rest).collect()));
    Workflow {
        name: if from.title.is_empty() { from.name.clone() } else { from.title.clone() },
        description: from.description.clone(),
        body: from.body.clone(),
        steps: from.steps.iter().map(step).collect(),
        source: Some(from.source.clone()),
        extensions,
    }
}

/// A saved room is a workflow of one room: so it is validated, versioned, and kept where a user
/// changed it. `None` when nobody or one person alone is named: it cannot be held without a cast.
///
/// Everybody thinks alone first and the closing turn reports who did not come round, because a party
/// is held to hear different views.
pub fn party(from: &RoomDef, members: &[MemberDef]) -> Option<(String, Workflow)> {
    // A member that stands in for an agent of the same name is that agent.
    let agent = |code: &String| {
        let member = members.iter().find(|member| member.code == *code);
        member.and_then(|member| member.overrides.clone()).unwrap_or_else(|| code.clone())
    };
    let mut cast: Vec<String> = Vec::new();
    for code in from.members.iter().map(agent) {
        if !cast.contains(&code) {
            cast.push(code);
        }
    }
    if cast.len() < 2 {
        return None;
    }
    let turns = TURNS_EACH.saturating_mul(u32::try_from(cast.len()).unwrap_or(1)).min(MOST_TURNS);
    let room = Room {
        members: cast,
        turns,
        scene: from.scene.clone(),
        introductions: true,
        first_takes: true,
        stop_loops: true,
        minority_report: true,
        ..Room::default()
    };
    let step = Step {
        id: "talk".into(),
        title: from.name.clone(),
        kind: Kind::Room,
        room: Some(room),
        instruction: "Discuss the brief in your own voice: what matters most in it, and what do \
                      the others overlook?"
            .into(),
        document: Some(format!("{}.md", from.slug)),
        max_output_tokens: Some(PARTY_ANSWER_TOKENS),
        ..Step::default()
    };
    let mut extensions = Map::new();
    extensions.insert("memory".into(), from.memory.into());
    extensions.insert("icon".into(), json!(from.icon));
    let workflow = Workflow {
        name: from.name.clone(),
        description: from.scene.chars().take(400).collect(),
        body: String::new(),
        steps: vec![step],
        source: Some(from.source.clone()),
        extensions,
    };
    Some((format!("party-{}", from.slug), workflow))
}

fn step(from: &StepDef) -> Step {
    let (kind, room) = match from.kind {
        StepKind::Agent => (Kind::Agent, None),
        StepKind::Approval => (Kind::Approval, None),
        StepKind::Choice => (Kind::Choice, None),
        StepKind::Room => {
            let members = from.candidates.clone();
            let turns = TURNS_EACH * u32::try_from(members.len()).unwrap_or(1);
            (Kind::Room, Some(Room { members, turns, ..Room::default() }))
        }
    };
    Step {
        id: from.id.clone(),
        title: from.title.clone(),
        kind,
        agent: from.agent.clone(),
        candidates: if room.is_some() { Vec::new() } else { from.candidates.clone() },
        room,
        skill: from.skill.clone(),
        instruction: from.instruction.clone(),
        needs: from.needs.clone(),
        document: from.document.clone(),
        max_output_tokens: None,
        optional: from.optional,
        condition: from.condition.clone(),
        needs_review: from.needs_review,
    }
}
