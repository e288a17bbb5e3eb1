//! Who is meant by the agent that a step of generation A names.

use super::embedded_agent::Found;

pub(super) enum Cast {
    One(String),
    /// `analyst/pm`: one of several, or all of them together.
    Several(Vec<String>),
    /// `various`: whoever is concerned.
    Anybody,
    Nobody,
}

/// By id and by file name (some files are named otherwise than their agent), in the pack itself,
/// then in the core, then anywhere.
pub(super) fn called(name: &str, pack: usize, agents: &[Found]) -> Cast {
    let name = name.trim();
    if let Some(slug) = one(name, pack, agents) {
        return Cast::One(slug);
    }
    if name.contains('/') {
        return Cast::Several(
            name.split('/').filter_map(|part| one(part.trim(), pack, agents)).collect(),
        );
    }
    if ["various", "any", "all", "*"].contains(&name) {
        return Cast::Anybody;
    }
    Cast::Nobody
}

fn one(name: &str, pack: usize, agents: &[Found]) -> Option<String> {
    let stem = name.trim_end_matches(".md");
    let known = |agent: &&Found| agent.id == stem || agent.stem == stem;
    let own = agents.iter().filter(|agent| agent.pack == pack).find(known);
    // Packs are in order, the core first.
    own.or_else(|| agents.iter().find(known)).map(|agent| agent.agent.slug.clone())
}
