//! The files that come along with skills: each to its skill, scripts marked and never run.

use std::collections::BTreeMap;

use super::files;
use super::skills::{self, Skill};
use crate::bundle::Bundle;
use crate::model::Import;
use crate::report::Report;

/// Everything that is no definition but belongs to the module, unless it belongs to an old name
/// only.
pub(super) fn attach(bundle: &Bundle, found: &[Skill], import: &mut Import, report: &mut Report) {
    let by_folder: BTreeMap<&str, &Skill> =
        found.iter().map(|skill| (skill.folder.as_str(), skill)).collect();
    let in_source = found.iter().any(|skill| skill.folder.starts_with("src/"));
    let mut of_skills: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for path in bundle.paths() {
        let skill = skills::ancestors(path).find_map(|folder| by_folder.get(folder).copied());
        if !comes_along(path, skill, in_source) {
            report.count("files_left_out", 1);
            continue;
        }
        if is_definition(path, skill) {
            continue;
        }
        import.tables.extend(files::table(bundle, path));
        import.attachments.extend(files::attachment(bundle, path));
        if let Some(skill) = skill {
            of_skills.entry(&skill.slug).or_default().push(path.to_owned());
        }
    }
    for agent in &mut import.agents {
        agent.files = of_skills.remove(agent.slug.as_str()).unwrap_or_default();
    }
    for workflow in &mut import.workflows {
        workflow.files = of_skills.remove(workflow.slug.as_str()).unwrap_or_default();
    }
}

fn comes_along(path: &str, skill: Option<&Skill>, in_source: bool) -> bool {
    let test = path.split('/').any(|folder| folder == "tests" || folder == "__pycache__");
    if test || skill.is_some_and(|skill| skill.shim) {
        return false;
    }
    path == "LICENSE"
        || skill.is_some()
        || (files::belongs(path) && (!in_source || path.starts_with("src/")))
}

fn is_definition(path: &str, skill: Option<&Skill>) -> bool {
    let name = files::file_name(path);
    if skill.is_none() {
        return ["module.yaml", "module-help.csv"].contains(&name);
    }
    ["SKILL.md", "customize.toml", "workflow.md"].contains(&name)
        || (name.starts_with("step-") && files::ending(name) == "md")
}
