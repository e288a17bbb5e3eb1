//! `stack.json`: what runs, for `stop`, for the next start, and for whoever wants the addresses.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{paths::Paths, process::Identity, service::Running};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// The process that ends the services when it ends; none for a detached stack.
    pub supervisor: Option<Identity>,
    /// In the order in which they were started.
    pub services: Vec<Running>,
    /// What the functions are told: contains passwords, so the file is ours alone.
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub wish: Wish,
}

/// The model that was asked for, which is not always the one that runs: the weights of the
/// demonstration model may be out of reach.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Wish {
    /// The person's own `MODEL_…` settings.
    pub settings: BTreeMap<String, String>,
    /// The demonstration model.
    pub demonstration: bool,
}

impl Wish {
    /// Whether a stack that was started for this wish, and whose functions know the other's
    /// settings, also fulfils the other.
    pub fn covers(&self, other: &Self) -> bool {
        let any = !other.demonstration && other.settings.is_empty();
        let nothing_else = self.settings.keys().all(|name| other.settings.contains_key(name));
        any || (nothing_else && (self.demonstration || !other.demonstration))
    }
}

impl State {
    /// Empty when there is none, or an earlier version of us wrote it.
    pub fn read(paths: &Paths) -> Self {
        let text = fs::read_to_string(paths.state()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub fn write(&self, paths: &Paths) -> Result<()> {
        let file = paths.state();
        let fresh = file.with_extension("json.new");
        fs::write(&fresh, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("cannot write {}", fresh.display()))?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        Ok(fs::rename(fresh, file)?)
    }

    pub fn forget(paths: &Paths) {
        let _ = fs::remove_file(paths.state());
    }

    /// A supervisor that still lives; ourselves do not count.
    pub fn other_supervisor(&self) -> Option<&Identity> {
        let ours = Identity::of_this_process().ok();
        self.supervisor.as_ref().filter(|other| Some(*other) != ours.as_ref() && other.is_alive())
    }

    /// Ends what runs, last started first.
    pub fn end_services(&self) {
        for running in self.services.iter().rev() {
            running.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;

    #[test]
    fn a_stack_serves_those_who_want_the_same_model() {
        let own = |value: &str| Wish {
            settings: [("MODEL_PROVIDER".to_owned(), value.to_owned())].into(),
            demonstration: false,
        };
        let ours = Wish { demonstration: true, ..Wish::default() };
        let any = Wish::default();
        assert!(ours.covers(&ours) && own("openai").covers(&own("openai")));
        assert!(ours.covers(&any) && own("extractive").covers(&any));
        // Left out means extractive, so whoever says so is served too.
        assert!(any.covers(&own("extractive")));
        assert!(!own("extractive").covers(&ours) && !any.covers(&ours));
    }
}
