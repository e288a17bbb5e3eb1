//! Generation D as a whole: skills with `customize.toml`, as a module, a package or an installed
//! tree.

use std::collections::BTreeMap;

use super::limits::{MAX_CATALOG_ROWS, MAX_DEFINITIONS};
use super::names::Names;
use super::roster::{self, Roster};
use super::skills::{self, Skill};
use super::{
    catalog, files, fit, installed, origin, party, placeholders, skill_agent, skill_files,
    skill_workflow,
};
use crate::bundle::{Bundle, Refusal};
use crate::model::{AgentDef, Alias, AttachmentKind, CatalogRow, Generation, Import, WorkflowDef};
use crate::report::Report;

pub(super) fn read(bundle: &Bundle) -> Result<Import, Refusal> {
    let mut report = Report::default();
    let report = &mut report;
    let source = origin::source(bundle, Generation::D, report);
    let found = skills::find(bundle, report)?;
    let (shims, live): (Vec<&Skill>, Vec<&Skill>) = found.iter().partition(|skill| skill.shim);
    if live.is_empty() {
        return Err(nothing(report));
    }
    report.count("skills_live", live.len());
    report.count("shims", shims.len());
    let slugs: BTreeMap<&str, &Skill> =
        live.iter().map(|skill| (skill.slug.as_str(), *skill)).collect();
    let aliases = aliases(&shims, &slugs, report);
    let resolve = |name: &str| {
        let now = aliases.iter().find(|alias| alias.from == name).map_or(name, |alias| &alias.to);
        slugs.contains_key(now).then(|| now.to_owned())
    };

    let roster = roster::read(bundle, &files_named(bundle, "module.yaml"), report);
    installed::verify(bundle, report);
    let (agents, workflows): (Vec<&Skill>, Vec<&Skill>) =
        live.iter().copied().partition(|skill| skill.is_agent());
    let agents = agents_of(&agents, &roster, &resolve, report);
    let names = Names::of(&agents);
    let mut members = BTreeMap::new();
    let mut rooms = Vec::new();
    for skill in &workflows {
        party::members(skill, &names, &mut members, report);
        party::rooms(skill, &members, &names, &mut rooms, report);
    }
    let offered = offered(&agents);
    let workflows: Vec<WorkflowDef> = workflows
        .into_iter()
        .filter_map(|skill| {
            let agent = offered.get(&skill.slug).map(String::as_str);
            fit::workflow(skill_workflow::read(bundle, skill, agent, report))
                .map_err(|reason| report.reject(&skill.path(), reason))
                .ok()
        })
        .collect();

    let catalog = read_catalog(bundle, report);
    let edges = catalog::edges(&catalog);
    let plan = catalog::plan(&catalog, &edges);
    for name in plan.iter().filter(|name| resolve(name).is_none()) {
        report.warn(format!("the catalog lists `{name}`, which is not in the bundle"));
    }
    report.count("modules", roster.modules);
    let mut import = Import {
        source,
        agents,
        workflows,
        rooms,
        members: members.into_values().collect(),
        aliases,
        catalog,
        edges,
        plan,
        questions: roster.questions,
        tables: Vec::new(),
        attachments: Vec::new(),
        report: Report::default(),
    };
    skill_files::attach(bundle, &found, &mut import, report);
    count(&import, report);
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
        "no skill in the bundle can be read{why}; each needs a SKILL.md with `name` and `description`"
    ))
}

fn aliases(shims: &[&Skill], live: &BTreeMap<&str, &Skill>, report: &mut Report) -> Vec<Alias> {
    let mut aliases = Vec::new();
    for shim in shims {
        match skills::alias(shim, live) {
            Some(alias) => aliases.push(alias),
            None => report.reject(&shim.path(), "it is an old name for a skill that is not here"),
        }
    }
    aliases
}

/// The agents that are skills, then those that are only in the roster: somebody's own, with a name
/// and a character.
fn agents_of(
    skills: &[&Skill],
    roster: &Roster,
    resolve: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Vec<AgentDef> {
    let mut agents: Vec<AgentDef> = Vec::with_capacity(skills.len());
    for skill in skills {
        let agent = skill_agent::read(skill, roster.agents.get(&skill.slug), resolve, report);
        match fit::agent(agent) {
            Ok(agent) => agents.push(agent),
            Err(reason) => report.reject(&skill.path(), reason),
        }
    }
    for (slug, listed) in roster.agents.iter().take(MAX_DEFINITIONS) {
        if skills.iter().any(|skill| skill.slug == *slug) {
            continue;
        }
        if listed.installed {
            match fit::agent(skill_agent::listed_only(slug, listed)) {
                Ok(agent) => agents.push(agent),
                Err(reason) => report.warn(format!("an agent of the roster is left out: {reason}")),
            }
        } else {
            report.warn(format!("a module lists the agent `{slug}`, which is not in the bundle"));
        }
    }
    agents
}

/// Each workflow with the first agent, in the order of the bundle, whose menu offers it.
fn offered(agents: &[AgentDef]) -> BTreeMap<String, String> {
    let mut offered = BTreeMap::new();
    for agent in agents {
        for skill in agent.capabilities.iter().filter_map(|capability| capability.skill.as_ref()) {
            offered.entry(skill.clone()).or_insert_with(|| agent.slug.clone());
        }
    }
    offered
}

fn read_catalog(bundle: &Bundle, report: &mut Report) -> Vec<CatalogRow> {
    let installed = "_bmad/_config/bmad-help.csv";
    let paths = if bundle.get(installed).is_some() {
        vec![installed]
    } else {
        files_named(bundle, "module-help.csv")
    };
    let mut rows: Vec<CatalogRow> = Vec::new();
    for path in paths {
        let Some(text) = files::text(bundle, path, report) else { continue };
        match catalog::read(&text, path) {
            Ok(read) => {
                report.count("catalog_meta_rows", read.meta);
                report.count("catalog_rows_repaired", read.repaired);
                for line in read.unreadable {
                    report.reject(path, format!("line {line} is not a row of a help catalog"));
                }
                rows.extend(read.rows);
            }
            Err(reason) => report.reject(path, reason),
        }
    }
    if rows.len() > MAX_CATALOG_ROWS {
        report.warn(format!(
            "the catalogs have {} rows; only the first {MAX_CATALOG_ROWS} are read",
            rows.len()
        ));
        rows.truncate(MAX_CATALOG_ROWS);
    }
    rows
}

/// By name, wherever in the module they are.
fn files_named<'a>(bundle: &'a Bundle, name: &str) -> Vec<&'a str> {
    bundle
        .paths()
        .filter(|path| files::file_name(path) == name)
        .filter(|path| files::belongs(path) || path.starts_with("_bmad/"))
        .collect()
}

fn count(import: &Import, report: &mut Report) {
    let scripts = import.attachments.iter().filter(|file| file.kind == AttachmentKind::Script);
    let steps = import.workflows.iter().map(|workflow| workflow.steps.len()).sum();
    for (what, number) in [
        ("agents", import.agents.len()),
        ("workflows", import.workflows.len()),
        ("steps", steps),
        ("rooms", import.rooms.len()),
        ("members", import.members.len()),
        ("aliases", import.aliases.len()),
        ("catalog_rows", import.catalog.len()),
        ("catalog_required", import.catalog.iter().filter(|row| row.required).count()),
        ("edges", import.edges.len()),
        ("questions", import.questions.len()),
        ("tables", import.tables.len()),
        ("table_rows", import.tables.iter().map(|table| table.rows).sum()),
        ("attachments", import.attachments.len()),
        ("scripts_never_run", scripts.count()),
    ] {
        report.count(what, number);
    }
    for what in [
        "approval_steps",
        "catalog_meta_rows",
        "catalog_rows_repaired",
        "lenses",
        "menu_items",
        "menu_prompts",
        "menu_skills",
        "overrides",
        "review_layers",
        "step_files",
        "unresolved_agents",
    ] {
        report.count(what, 0);
    }
    placeholders::count(import, report);
}
