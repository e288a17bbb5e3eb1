//! The tasks, templates, checklists and data of all packs, by the names under which definitions
//! mention them.

use std::collections::BTreeMap;

use super::files;
use super::pack::{self, Pack};
use crate::bundle::Bundle;

const SHELVES: [&str; 5] = ["tasks", "templates", "checklists", "data", "utils"];

/// What belongs to no pack is common to all.
type Owner = Option<usize>;

pub(super) struct Library<'a>(BTreeMap<(Owner, &'a str), &'a str>);

impl<'a> Library<'a> {
    pub(super) fn of(bundle: &'a Bundle, packs: &[Pack]) -> Self {
        let mut library = BTreeMap::new();
        for path in bundle.paths().filter(|path| pack::belongs(path)) {
            let shelf = files::folder(path);
            if !SHELVES.contains(&files::file_name(shelf)) {
                continue;
            }
            let home = files::folder(shelf);
            let owner = packs.iter().position(|pack| pack.folder == home);
            if owner.is_some() || home == "common" {
                library.entry((owner, files::stem(path))).or_insert(path);
            }
        }
        Self(library)
    }

    /// With or without folder and ending: in the pack itself, then in the core, then in what is
    /// common.
    pub(super) fn find(&self, pack: usize, name: &str) -> Option<&'a str> {
        let endings = [".md", ".yaml", ".yml", ".csv"];
        let name = files::file_name(name);
        let name = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
        [Some(pack), Some(0), None].iter().find_map(|owner| self.0.get(&(*owner, name)).copied())
    }
}
