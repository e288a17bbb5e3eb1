//! Finding the skills of a module: folders with a `SKILL.md` whose name agrees with the folder's.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::limits::MAX_DEFINITIONS;
use super::{files, fit, front, merge, settings as tables};
use crate::bundle::{Bundle, Refusal};
use crate::model::Alias;
use crate::report::Report;

pub(super) struct Skill {
    pub(super) slug: String,
    /// The folder, without a slash at its end.
    pub(super) folder: String,
    pub(super) description: String,
    pub(super) body: String,
    pub(super) settings: Table,
    /// Only there so that an old name still works.
    pub(super) shim: bool,
}

impl Skill {
    pub(super) fn path(&self) -> String {
        format!("{}/SKILL.md", self.folder)
    }

    pub(super) fn is_agent(&self) -> bool {
        self.settings.get("agent").is_some_and(toml::Value::is_table)
    }

    pub(super) fn table(&self, name: &str) -> Table {
        self.settings.get(name).and_then(toml::Value::as_table).cloned().unwrap_or_default()
    }
}

/// In order of their folders. A skill within a skill is part of the outer one.
pub(super) fn find(bundle: &Bundle, report: &mut Report) -> Result<Vec<Skill>, Refusal> {
    let mut paths = skill_files(bundle);
    paths.sort_unstable_by_key(|path| files::folder(path));
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    paths.retain(|path| {
        let folder = files::folder(path);
        let inner = ancestors(folder).any(|outer| folders.contains(outer));
        folders.insert(folder);
        !inner
    });
    if paths.len() > MAX_DEFINITIONS {
        return Err(Refusal::TooManyDefinitions(MAX_DEFINITIONS));
    }
    let mut skills: Vec<Skill> = Vec::new();
    for path in paths {
        match skill(bundle, path, report) {
            Ok(Some(skill)) => match skills.iter().find(|known| known.slug == skill.slug) {
                Some(known) => report.reject(path, format!("{} has the same name", known.path())),
                None => skills.push(skill),
            },
            Ok(None) => {}
            Err(reason) => report.reject(path, reason),
        }
    }
    Ok(skills)
}

/// The folders around a path, the nearest first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/').map(|(folder, _)| folder), |folder| {
        folder.rsplit_once('/').map(|(folder, _)| folder)
    })
}

/// An installed tree keeps its skills in the folder of the tool they were installed for; a module
/// keeps them in `src`, and what a package has besides (bundles for the web, tests) are copies.
pub(super) fn skill_files(bundle: &Bundle) -> Vec<&str> {
    let all: Vec<&str> =
        bundle.paths().filter(|path| files::file_name(path) == "SKILL.md").collect();
    let holder = |path: &str| files::folder(files::folder(path)).to_owned();
    if is_installed(bundle) {
        let mut holders: BTreeMap<String, usize> = BTreeMap::new();
        for path in all.iter().filter(|path| files::file_name(&holder(path)) == "skills") {
            *holders.entry(holder(path)).or_default() += 1;
        }
        // The fullest; of equals the first, which `max_by_key` finds from behind.
        if let Some((fullest, _)) = holders.iter().rev().max_by_key(|(_, count)| **count) {
            return all.into_iter().filter(|path| holder(path) == *fullest).collect();
        }
    }
    let belonging: Vec<&str> = all.into_iter().filter(|path| files::belongs(path)).collect();
    let in_source: Vec<&str> =
        belonging.iter().copied().filter(|path| path.starts_with("src/")).collect();
    if in_source.is_empty() { belonging } else { in_source }
}

pub(super) fn is_installed(bundle: &Bundle) -> bool {
    ["_bmad/_config/manifest.yaml", "_bmad/config.toml"]
        .iter()
        .any(|path| bundle.get(path).is_some())
}

/// What an old name stands for now: the first skill named in its description, else in its text.
pub(super) fn alias(shim: &Skill, live: &BTreeMap<&str, &Skill>) -> Option<Alias> {
    let named = |text: &str| {
        text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
            .find(|word| live.contains_key(word))
            .map(str::to_owned)
    };
    let to = named(&shim.description).or_else(|| named(&shim.body))?;
    let intent = shim
        .description
        .split_once(&to)
        .and_then(|(_, rest)| rest.trim_start_matches('`').trim_start().strip_prefix('('))
        .and_then(|rest| rest.split_once(')'))
        .map(|(intent, _)| intent.to_owned());
    Some(Alias { from: shim.slug.clone(), to, intent })
}

fn skill(bundle: &Bundle, path: &str, report: &mut Report) -> Result<Option<Skill>, String> {
    let Some(text) = files::text(bundle, path, report) else {
        return Ok(None);
    };
    let document = front::split(&text)?;
    let folder = files::folder(path);
    let slug = files::file_name(folder);
    let name = document.front.text_at("name").ok_or("its front matter has no `name`")?;
    if name != slug {
        return Err(format!("its name is `{name}` but its folder is `{slug}`; they have to agree"));
    }
    fit::name(slug)?;
    let description =
        document.front.text_at("description").ok_or("its front matter has no `description`")?;
    let shim = document
        .front
        .get("metadata")
        .is_some_and(|metadata| metadata.text_at("lifecycle").as_deref() == Some("shim"));
    let settings = settings(bundle, folder, slug, report)?;
    Ok(Some(Skill {
        slug: slug.to_owned(),
        folder: folder.to_owned(),
        description,
        body: document.body,
        settings,
        shim,
    }))
}

/// The skill's own settings under those of the team and of the user, where the bundle carries them.
fn settings(
    bundle: &Bundle,
    folder: &str,
    slug: &str,
    report: &mut Report,
) -> Result<Table, String> {
    let mut layer = |path: String| -> Result<Table, String> {
        let Some(text) = files::text(bundle, &path, report) else {
            return Ok(Table::new());
        };
        if path.starts_with("_bmad/custom/") {
            report.count("overrides", 1);
        }
        tables::parse(&text).map_err(|reason| format!("{path} {reason}"))
    };
    let base = layer(format!("{folder}/customize.toml"))?;
    let team = layer(format!("_bmad/custom/{slug}.toml"))?;
    let user = layer(format!("_bmad/custom/{slug}.user.toml"))?;
    merge(&base, &team, &user).map_err(|fault| format!("its settings cannot be merged: {fault}"))
}
