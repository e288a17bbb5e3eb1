//! The packs of generation A: the core, and expansion packs beside it, each a folder with `agents/`
//! or `workflows/`.

use super::slug::slug;
use super::{files, yaml};
use crate::bundle::Bundle;
use crate::report::Report;

pub(super) struct Pack {
    /// Where it is, without a slash at its end; empty when the bundle is one pack.
    pub(super) folder: String,
    /// What people call it.
    pub(super) title: String,
    /// Comes before the slug of everything in the pack, because packs use the same names. The core
    /// has none.
    pub(super) prefix: Option<String>,
    pub(super) version: Option<String>,
}

impl Pack {
    pub(super) fn slug(&self, name: &str) -> String {
        match &self.prefix {
            Some(prefix) => format!("{prefix}-{}", slug(name)),
            None => slug(name),
        }
    }

    /// The files of one of its folders, in order of their names.
    pub(super) fn files<'a>(&self, bundle: &'a Bundle, folder: &str) -> Vec<&'a str> {
        let within = self.within(folder);
        bundle
            .paths()
            .filter(|path| path.strip_prefix(&within).is_some_and(|name| !name.contains('/')))
            .collect()
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        self.folder.is_empty() || files::is_within(path, &self.folder)
    }

    pub(super) fn within(&self, folder: &str) -> String {
        if self.folder.is_empty() {
            format!("{folder}/")
        } else {
            format!("{}/{folder}/", self.folder)
        }
    }
}

/// The core first, then by folder, so that "first found" means the core.
pub(super) fn find(bundle: &Bundle, report: &mut Report) -> Vec<Pack> {
    let mut folders: Vec<&str> = bundle
        .paths()
        .filter(|path| belongs(path))
        .filter_map(|path| {
            let inner = files::folder(path);
            let kind = files::file_name(inner);
            ["agents", "workflows", "agent-teams"].contains(&kind).then(|| files::folder(inner))
        })
        .collect();
    folders.sort_by_key(|folder| (!is_core(folder), *folder));
    folders.dedup();
    folders.into_iter().map(|folder| pack(bundle, folder, report)).collect()
}

/// An installed pack lies in a hidden folder of its own: `.bmad-core`.
pub(super) fn belongs(path: &str) -> bool {
    files::belongs(path.strip_prefix('.').filter(|rest| rest.starts_with("bmad-")).unwrap_or(path))
}

fn is_core(folder: &str) -> bool {
    ["bmad-core", ".bmad-core"].contains(&files::file_name(folder))
}

fn pack(bundle: &Bundle, folder: &str, report: &mut Report) -> Pack {
    let config =
        if folder.is_empty() { "config.yaml".to_owned() } else { format!("{folder}/config.yaml") };
    let config = files::text(bundle, &config, report).map(|text| yaml::parse(&text));
    let config = match config {
        Some(Ok(config)) => config,
        Some(Err(error)) => {
            report.warn(format!(
                "{folder}/config.yaml is not YAML ({error}); the pack is named by its folder"
            ));
            yaml::Node::Null
        }
        None => yaml::Node::Null,
    };
    if is_core(folder) || (folder.is_empty() && config == yaml::Node::Null) {
        return Pack {
            folder: folder.to_owned(),
            title: "BMad Core".to_owned(),
            prefix: None,
            version: None,
        };
    }
    let name = config.text_at("name").unwrap_or_else(|| files::file_name(folder).to_owned());
    let prefix = config.text_at("slashPrefix").unwrap_or_else(|| name.clone());
    Pack {
        folder: folder.to_owned(),
        title: config.text_at("short-title").unwrap_or(name),
        prefix: Some(slug(&prefix)).filter(|prefix| !prefix.is_empty()),
        version: config.text_at("version"),
    }
}
