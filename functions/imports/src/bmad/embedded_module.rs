//! Generation A as a whole: packs of agents, workflows, teams, and the tasks and templates that
//! they use.

use super::cast::{self, Cast};
use super::embedded_agent::{self, Found};
use super::library::Library;
use super::limits::{MAX_CAST, MAX_DEFINITIONS};
use super::pack::{self, Pack};
use super::slug::is_slug;
use super::yaml::Node;
use super::{embedded_workflow, files, origin, placeholders, yaml};
use crate::bundle::{Bundle, Refusal};
use crate::model::{AttachmentKind, Generation, Import, RoomDef, WorkflowDef};
use crate::report::{Report, Unresolved};

pub(super) fn read(bundle: &Bundle) -> Result<Import, Refusal> {
    let mut report = Report::default();
    let report = &mut report;
    let source = origin::source(bundle, Generation::A, report);
    let packs = pack::find(bundle, report);
    let mut agents: Vec<Found> = Vec::new();
    for (at, pack) in packs.iter().enumerate() {
        for path in pack.files(bundle, "agents") {
            if agents.len() >= MAX_DEFINITIONS {
                return Err(Refusal::TooManyDefinitions(MAX_DEFINITIONS));
            }
            let Some(found) = embedded_agent::read(bundle, &packs, at, path, report) else {
                continue;
            };
            let slug = &found.agent.slug;
            match agents.iter().find(|known| known.agent.slug == *slug) {
                Some(known) => {
                    report.reject(path, format!("{} has the same name", known.agent.source));
                }
                None => agents.push(found),
            }
        }
    }
    let library = Library::of(bundle, &packs);
    let mut workflows = Vec::new();
    for (at, pack) in packs.iter().enumerate() {
        for path in pack.files(bundle, "workflows") {
            if agents.len() + workflows.len() >= MAX_DEFINITIONS {
                return Err(Refusal::TooManyDefinitions(MAX_DEFINITIONS));
            }
            let place = (at, pack);
            let read = embedded_workflow::read(bundle, place, path, &agents, &library, report);
            let Some(found) = read else { continue };
            match workflows.iter().find(|known: &&WorkflowDef| known.slug == found.slug) {
                Some(known) => report.reject(path, format!("{} has the same name", known.source)),
                None => workflows.push(found),
            }
        }
    }
    if agents.is_empty() && workflows.is_empty() {
        return Err(nothing(report));
    }
    let mut rooms = Vec::new();
    for (at, pack) in packs.iter().enumerate() {
        for path in pack.files(bundle, "agent-teams") {
            let team = team(bundle, (at, pack), path, &agents, &workflows, report);
            rooms.extend(team.filter(|room| is_slug(&room.slug)));
        }
    }
    let mut import = Import {
        source,
        agents: agents.into_iter().map(|found| found.agent).collect(),
        workflows,
        rooms,
        members: Vec::new(),
        aliases: Vec::new(),
        catalog: Vec::new(),
        edges: Vec::new(),
        plan: Vec::new(),
        questions: Vec::new(),
        tables: Vec::new(),
        attachments: Vec::new(),
        report: Report::default(),
    };
    if import.source.version.is_none() && packs.len() == 1 {
        import.source.version.clone_from(&packs[0].version);
    }
    attach(bundle, &packs, &mut import, report);
    count(&import, &packs, report);
    import.report = std::mem::take(report);
    Ok(import)
}

fn nothing(report: &Report) -> Refusal {
    let why = report
        .rejected
        .first()
        .map(|first| format!(" (the first: {}: {})", first.path, first.reason))
        .unwrap_or_default();
    Refusal::NoDefinitions(format!(
        "no agent and no workflow in the bundle can be read{why}; an agent is a Markdown file with one fenced block of YAML"
    ))
}

/// A team is a room: the same people, asked together.
fn team(
    bundle: &Bundle,
    pack: (usize, &Pack),
    path: &str,
    agents: &[Found],
    workflows: &[WorkflowDef],
    report: &mut Report,
) -> Option<RoomDef> {
    let text = files::text(bundle, path, report)?;
    let node = match yaml::parse(&text) {
        Ok(node) if node.get("agents").is_some() => node,
        Ok(_) => {
            report.reject(path, "it has no `agents`");
            return None;
        }
        Err(error) => {
            report.reject(path, format!("it is not YAML: {error}"));
            return None;
        }
    };
    let stem = files::stem(path);
    let about = node.get("bundle").unwrap_or(&Node::Null);
    let mut members: Vec<String> = Vec::new();
    for name in node.texts_at("agents").into_iter().take(MAX_CAST) {
        let named = match cast::called(&name, pack.0, agents) {
            _ if name == "*" => agents
                .iter()
                .filter(|agent| agent.pack == pack.0)
                .map(|agent| agent.agent.slug.clone())
                .collect(),
            Cast::One(slug) => vec![slug],
            Cast::Several(_) | Cast::Anybody | Cast::Nobody => {
                report.unresolved(Unresolved {
                    within: path.to_owned(),
                    step: None,
                    name,
                    treated_as: "left out of the room".to_owned(),
                });
                Vec::new()
            }
        };
        for slug in named {
            if !members.contains(&slug) {
                members.push(slug);
            }
        }
    }
    let mut meant = Vec::new();
    for name in node.texts_at("workflows").into_iter().take(MAX_CAST) {
        let stem = files::stem(&name);
        let known = workflows.iter().find(|workflow| {
            pack.1.holds(&workflow.source)
                && (files::stem(&workflow.source) == stem || workflow.slug == pack.1.slug(stem))
        });
        match known {
            Some(workflow) => meant.push(workflow.slug.clone()),
            None => report.missing(path, format!("workflows/{name}")),
        }
    }
    Some(RoomDef {
        slug: pack.1.slug(stem),
        name: about.text_at("name").unwrap_or_else(|| stem.to_owned()),
        icon: about.text_at("icon"),
        scene: about.text_at("description").unwrap_or_default(),
        open_cast: members.is_empty(),
        members,
        memory: false,
        workflows: meant,
        source: path.to_owned(),
    })
}

fn attach(bundle: &Bundle, packs: &[Pack], import: &mut Import, report: &mut Report) {
    for path in bundle.paths() {
        let part = path == "LICENSE"
            || (pack::belongs(path)
                && (path.starts_with("common/") || packs.iter().any(|pack| pack.holds(path))));
        if !part {
            report.count("files_left_out", 1);
            continue;
        }
        let folder = files::file_name(files::folder(path));
        if ["agents", "workflows", "agent-teams"].contains(&folder) {
            continue;
        }
        import.attachments.extend(files::attachment(bundle, path));
        import.tables.extend(files::table(bundle, path));
        for (kind, what) in
            [("tasks", "tasks"), ("templates", "templates"), ("checklists", "checklists")]
        {
            report.count(what, usize::from(folder == kind));
        }
    }
}

fn count(import: &Import, packs: &[Pack], report: &mut Report) {
    let scripts = import.attachments.iter().filter(|file| file.kind == AttachmentKind::Script);
    for (what, number) in [
        ("packs", packs.len()),
        ("agents", import.agents.len()),
        ("workflows", import.workflows.len()),
        ("steps", import.workflows.iter().map(|workflow| workflow.steps.len()).sum()),
        ("rooms", import.rooms.len()),
        ("tables", import.tables.len()),
        ("table_rows", import.tables.iter().map(|table| table.rows).sum()),
        ("attachments", import.attachments.len()),
        ("scripts_never_run", scripts.count()),
        ("commands", 0),
        ("commands_as_maps", 0),
        ("commands_as_texts", 0),
        ("commands_of_one_map", 0),
    ] {
        report.count(what, number);
    }
    report.count("unresolved_agents", 0);
    placeholders::count(import, report);
}
