//! Generation D as a whole: skills with `customize.toml`, as a module, a package or an installed tree.

use std::collections::BTreeMap;

use super::module::{Listed, Module};
use super::skills::Skill;
use super::{
    catalog, files, module, origin, party, placeholders, skill_agent, skill_workflow, skills,
};
use crate::bundle::{Bundle, Refusal};
use crate::model::{AgentDef, AttachmentKind, CatalogRow, Generation, Import, WorkflowDef};
use crate::report::Report;

pub(super) fn read(bundle: &Bundle) -> Result<Import, Refusal> {
    let mut report = Report::default();
    let report = &mut report;
    let source = origin::source(bundle, Generation::D, report);
    let found = skills::find(bundle, report);
    let (shims, live): (Vec<&Skill>, Vec<&Skill>) = found.iter().partition(|skill| skill.shim);
    if live.is_empty() {
        return Err(nothing(report));
    }
    report.count("skills_live", live.len());
    report.count("shims", shims.len());
    let mut aliases = Vec::new();
    for shim in shims {
        match skills::alias(shim, &live) {
            Some(alias) => aliases.push(alias),
            None => report.reject(&shim.path(), "it is an old name for a skill that is not here"),
        }
    }
    let resolve = |name: &str| {
        let now = aliases.iter().find(|alias| alias.from == name).map_or(name, |alias| &alias.to);
        live.iter().find(|skill| skill.slug == now).map(|skill| skill.slug.clone())
    };

    let modules: Vec<Module> = files_named(bundle, "module.yaml")
        .into_iter()
        .filter_map(|path| module::read(bundle, path, report))
        .collect();
    let roster: BTreeMap<&str, &Listed> = modules
        .iter()
        .flat_map(|module| &module.roster)
        .map(|listed| (listed.code.as_str(), listed))
        .collect();
    report.count("modules", modules.len());

    let (agents, workflows): (Vec<&Skill>, Vec<&Skill>) =
        live.iter().copied().partition(|skill| skill.is_agent());
    let agents: Vec<AgentDef> = agents
        .into_iter()
        .map(|skill| {
            let listed = roster.get(skill.slug.as_str()).copied();
            skill_agent::read(skill, listed, &resolve, report)
        })
        .collect();
    let mut members = Vec::new();
    let mut rooms = Vec::new();
    for skill in &workflows {
        members.extend(party::members(skill, &agents, report));
        rooms.extend(party::rooms(skill, &members, &agents, report));
    }
    let workflows: Vec<WorkflowDef> = workflows
        .into_iter()
        .map(|skill| {
            let agent = offered_by(&skill.slug, &agents);
            skill_workflow::read(bundle, skill, agent, report)
        })
        .collect();

    let catalog = read_catalog(bundle, report);
    let edges = catalog::edges(&catalog);
    let plan = catalog::plan(&catalog, &edges);
    for name in plan.iter().filter(|name| resolve(name).is_none()) {
        report.warn(format!("the catalog lists `{name}`, which is not in the bundle"));
    }
    let mut import = Import {
        source,
        agents,
        workflows,
        rooms,
        members,
        aliases,
        catalog,
        edges,
        plan,
        questions: modules.into_iter().flat_map(|module| module.questions).collect(),
        tables: Vec::new(),
        attachments: Vec::new(),
        report: Report::default(),
    };
    attach(bundle, &found, &mut import, report);
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

/// The first agent, in the order of the bundle, whose menu offers the workflow.
fn offered_by<'a>(slug: &str, agents: &'a [AgentDef]) -> Option<&'a str> {
    let offers = |agent: &&AgentDef| {
        agent.capabilities.iter().any(|capability| capability.skill.as_deref() == Some(slug))
    };
    agents.iter().find(offers).map(|agent| agent.slug.as_str())
}

fn read_catalog(bundle: &Bundle, report: &mut Report) -> Vec<CatalogRow> {
    let installed = "_bmad/_config/bmad-help.csv";
    let paths = if bundle.get(installed).is_some() {
        vec![installed]
    } else {
        files_named(bundle, "module-help.csv")
    };
    let mut rows = Vec::new();
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
    rows
}

/// By name, wherever in the module they are; a module has one, at its top.
fn files_named<'a>(bundle: &'a Bundle, name: &str) -> Vec<&'a str> {
    bundle
        .paths()
        .filter(|path| files::file_name(path) == name)
        .filter(|path| files::belongs(path) || path.starts_with("_bmad/"))
        .collect()
}

/// Everything that is no definition but belongs to the module comes along, unless it belongs to an old name only.
fn attach(bundle: &Bundle, skills: &[Skill], import: &mut Import, report: &mut Report) {
    let in_source = skills.iter().any(|skill| skill.folder.starts_with("src/"));
    for path in bundle.paths() {
        let skill = skills.iter().find(|skill| path.starts_with(&format!("{}/", skill.folder)));
        let part = path == "LICENSE"
            || skill.is_some()
            || (files::belongs(path) && (!in_source || path.starts_with("src/")));
        let test = path.split('/').any(|folder| folder == "tests" || folder == "__pycache__");
        if !part || test || skill.is_some_and(|skill| skill.shim) {
            report.count("files_left_out", 1);
            continue;
        }
        let name = files::file_name(path);
        let definition =
            ["SKILL.md", "customize.toml", "workflow.md"].contains(&name) && skill.is_some();
        let described = ["module.yaml", "module-help.csv"].contains(&name);
        if definition || described || (skill.is_some() && name.starts_with("step-")) {
            continue;
        }
        if files::ending(path) == "csv"
            && let Some(text) = files::text(bundle, path, report)
        {
            import.tables.extend(files::table(path, &text));
        }
        import.attachments.extend(files::attachment(bundle, path));
        if let Some(skill) = skill {
            let agent = import.agents.iter_mut().find(|agent| agent.slug == skill.slug);
            let workflow = import.workflows.iter_mut().find(|workflow| workflow.slug == skill.slug);
            let files = agent
                .map(|agent| &mut agent.files)
                .or_else(|| workflow.map(|workflow| &mut workflow.files));
            files.into_iter().for_each(|files| files.push(path.to_owned()));
        }
    }
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
    for what in
        ["menu_items", "menu_skills", "menu_prompts", "lenses", "review_layers", "step_files"]
    {
        report.count(what, 0);
    }
    placeholders::count(import, report);
}
