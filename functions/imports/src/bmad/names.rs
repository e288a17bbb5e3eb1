//! The names by which an agent of generation D is called: its code, the short form of it, and its
//! own name.

use std::collections::BTreeMap;

use crate::model::AgentDef;

pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Where two agents share a name, the first one is meant.
    pub(super) fn of(agents: &[AgentDef]) -> Self {
        let mut names = BTreeMap::new();
        let mut add = |name: String, agent: &AgentDef| {
            names.entry(name).or_insert_with(|| agent.slug.clone());
        };
        for agent in agents {
            add(agent.slug.clone(), agent);
        }
        for agent in agents {
            if let Some(short) = agent.slug.strip_prefix("bmad-agent-") {
                add(short.to_owned(), agent);
            }
            add(agent.name.to_lowercase(), agent);
        }
        Self(names)
    }

    pub(super) fn slug(&self, name: &str) -> Option<String> {
        self.0.get(name).or_else(|| self.0.get(&name.to_lowercase())).cloned()
    }
}
